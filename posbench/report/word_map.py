"""The map of the most frequent words, and what words.json has to hold for it and for the tables beside it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBER = (int, float)
# What words.json holds: see word_vectors.py.
KEYS = {
    'trainer': str, 'objective': str, 'unit': str, 'words': int, 'width': int, 'text': dict,
    'seed': int, 'neighbours': list, 'map': dict, 'scores': list, 'missing': list, 'files': list,
}  # fmt: skip


def check(item: dict) -> None:
    """ValueError, in one line, where a words.json cannot be shown."""
    for key, kinds in KEYS.items():
        if key not in item or not isinstance(item[key], kinds):
            raise ValueError(f'{key} is {item.get(key)!r:.60}; wanted an object with {", ".join(KEYS)}.')
    try:
        of, points = item['map'], item['map']['points']
        fits = len(of['words']) == len(points) and {len(point) for point in points} <= {2} and len(of['shares']) <= 2
        fits &= all(isinstance(x, NUMBER) for point in [*points, of['shares']] for x in point)
        fits &= all(isinstance(word, str) for word in of['words'])
        for line in item['neighbours']:
            fits &= isinstance(line['word'], str) and isinstance(line['count'], int) and isinstance(line['rank'], int)
            fits &= all(isinstance(word, str) and isinstance(cosine, NUMBER) for word, cosine in line['near'])
        for line in item['files']:
            fits &= isinstance(line['name'], str) and isinstance(line['size'], int) and isinstance(line['sha256'], str)
            fits &= isinstance(line['seed'], int)
        for line in item['scores']:
            fits &= isinstance(line['set'], str) and isinstance(line['seed'], int)
            fits &= all(isinstance(line[end], (*NUMBER, type(None))) for end in ('low', 'high'))
        fits &= all(isinstance(line[key], str) for line in item['missing'] for key in ('label', 'why'))
        fits &= isinstance(item['text']['name'], str) and isinstance(item['text']['read'], int)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f'not what a run of word vectors writes ({type(error).__name__}: {error}).') from None
    if not fits:
        raise ValueError('not what a run of word vectors writes: its values have other types or lengths.')


def figure(item: dict[str, Any], title: str) -> 'Figure | None':
    """The words as points, the more frequent ones named where there is room; None for fewer than two words."""
    from posbench.report import canvas

    words, points = item['map']['words'], item['map']['points']
    if len(words) < 2:
        return None
    shares = ' and '.join(f'{share:.0%}' for share in item['map']['shares'])
    subtitle = f'the {len(words)} most frequent words: directions of their vectors, two principal axes ({shares})'
    fig = canvas.figure(5.2, title, subtitle)
    ax = canvas.panel(fig, left=0.12, right=0.12, top=0.7, bottom=0.12)
    xs, ys = zip(*points)
    ax.scatter(xs, ys, s=5, color=canvas.FAINT, linewidths=0, zorder=2)
    for side, values, where in ((ax.set_xlim, xs, 0.07), (ax.set_ylim, ys, 0.03)):
        low, high = min(values), max(values)
        room = where * max(high - low, 1e-9)
        side(low - room, high + room)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    ax.spines['bottom'].set_visible(False)
    for place in named(ax, words, points):
        label = canvas.name(words[place], 14)
        ax.annotate(label, points[place], xytext=(0, 2.6), textcoords='offset points', fontsize=SIZE, ha='center')
    return fig


SIZE = 7.5  # points, of a word on the map


def named(ax: Any, words: list[str], points: list[list[float]]) -> list[int]:
    """The places of words whose names do not touch, the most frequent first."""
    from posbench.report import fonts

    width, height = ax.get_position().size * ax.figure.get_size_inches() * 72
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    taken: list[tuple[float, float, float]] = []  # centre and half a width, in points
    found = []
    for place, (word, (x, y)) in enumerate(zip(words, points)):
        x, y = (x - left) / (right - left) * width, (y - low) / (high - low) * height
        half = fonts.cells(word[:14]) * SIZE * 0.31 + 1
        free = all(abs(x - x_) > half + half_ or abs(y - y_) > SIZE * 1.15 for x_, y_, half_ in taken)
        if free and half < x < width - half:
            taken.append((x, y, half))
            found.append(place)
    return found
