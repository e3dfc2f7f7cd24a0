"""Scalable drawings of few kinds of marks, for a page whose style sheet colours those that were chosen.

What belongs to an entrant stands in a group of its own, `<g class="e" data-e="3">`; with the class `on` it has its
colour and its band, otherwise it is one of many grey lines. As a file of its own a drawing brings its styles along.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup, escape

# As canvas.PALETTE and canvas.DASHES, which would import matplotlib; a test holds them to each other.
PALETTE = ('#0072b2', '#c44e00', '#00795a', '#a8478a', '#8a6500', '#3b3b98', '#2a8fbd')
DASHES = ('none', '5 1.5', '1.2 1.2', '5 1.5 1.2 1.5')

STYLE = (
    'text{font:11px system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:#1d232b}'
    '.q{fill:#56606b}.end{text-anchor:end}.mid{text-anchor:middle}.grid{stroke:#e6e9ec}.axis{stroke:#a9b1ba}'
    '.mark{stroke:#56606b;stroke-dasharray:3 2}.guess{stroke:#868f99;stroke-dasharray:1 2;fill:none}'
    '.e .l{fill:none;stroke:#c3c9d0;stroke-linejoin:round}.e .p{fill:#c3c9d0}.e .b,.e .n{display:none}'
    '.on .l{stroke:var(--c);stroke-width:2}.on .p{fill:var(--c)}.on .b{display:inline;fill:var(--c);opacity:.14}'
    '.on .n{display:inline;fill:var(--c)}.on .k{fill:var(--c);font-weight:600}.front{fill:none;stroke:#868f99}'
    '.bar{stroke:#1d232b;stroke-width:4}.thin{stroke-width:1.5}'
)


@dataclasses.dataclass(frozen=True)
class Drawing:
    """Marks within `width` by `height` pixels; `alt` says what is to be seen."""

    width: float
    height: float
    body: Markup
    alt: str
    title: str = ''

    def inline(self) -> Markup:
        """For a page that has the styles."""
        box = f'0 0 {number(self.width)} {number(self.height)}'
        return Markup('<svg viewBox="{}" role="img" aria-label="{}">{}</svg>').format(box, self.alt, self.body)


@dataclasses.dataclass(frozen=True)
class Axis:
    """Values from `low` to `high` on pixels from `start` to `end`; `log`: equal ratios take equal room."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (math.log2(x) if self.log else x for x in (self.low, self.high, value))
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def number(value: float) -> str:
    """A pixel to a tenth, without zeros at its end."""
    return f'{value + 0.0:.1f}'.removesuffix('.0')


def look(entrants: int) -> str:
    """Style rules that give each entrant, by its number, its colour and dashes; 28 can be told apart."""
    rules = []
    for i in range(entrants):
        dash = DASHES[i // len(PALETTE) % len(DASHES)]
        dashes = '' if dash == 'none' else f';--d:{dash}'
        rules.append(f'[data-e="{i}"]{{--c:{PALETTE[i % len(PALETTE)]}{dashes}}}')
    return '\n'.join(rules)


def line(points: Iterable[tuple[float, float]], kind: str = 'l') -> Markup:
    """A polyline."""
    return Markup('<polyline class="{}" points="{}"/>').format(kind, _points(points))


def band(lower: Sequence[tuple[float, float]], upper: Sequence[tuple[float, float]]) -> Markup:
    """The area between two lines."""
    return Markup('<polygon class="b" points="{}"/>').format(_points([*lower, *reversed(upper)]))


def dot(x: float, y: float, radius: float = 2.2) -> Markup:
    """A point."""
    return Markup('<circle class="p" cx="{}" cy="{}" r="{}"/>').format(number(x), number(y), number(radius))


def cross(x: float, y: float, size: float = 3.2) -> Markup:
    """Where a line ends because there is no number beyond."""
    d = f'M{number(x - size)} {number(y - size)}l{number(2 * size)} {number(2 * size)}m0 {number(-2 * size)}'
    return Markup('<path class="l x" d="{}"/>').format(f'{d}l{number(-2 * size)} {number(2 * size)}')


def segment(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    """A straight line."""
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(kind, *map(number, (x1, y1, x2, y2)))


def text(x: float, y: float, words: str, kind: str = '') -> Markup:
    """One line of text; its class says which end is at x."""
    return Markup('<text x="{}" y="{}" class="{}">{}</text>').format(number(x), number(y), kind, words)


def entrant(index: int, name: str, marks: Iterable[Markup], on: bool) -> Markup:
    """What belongs to an entrant; its name appears where a pointer rests on it."""
    group = Markup('<g class="{}" data-e="{}"><title>{}</title>{}</g>')
    return group.format('e on' if on else 'e', index, name, joined(marks))


def joined(marks: Iterable[Markup]) -> Markup:
    """Marks one above the other."""
    return Markup('').join(marks)


def left(words: str, letters: int) -> str:
    """Text cut at its end to fit."""
    return words if len(words) <= letters else words[: letters - 1] + '…'


def file(drawings: Sequence[Drawing], columns: int, names: Mapping[int, str], entrants: int) -> str:
    """Drawings of so many entrants in a grid as a file of its own, with a legend of `names` by their number."""
    width, tall = max(d.width for d in drawings), max(d.height for d in drawings)
    head = 18 if any(d.title for d in drawings) else 0
    columns = min(columns, len(drawings))
    parts = []
    for i, one in enumerate(drawings):
        x, y = i % columns * (width + 12), i // columns * (tall + head + 12)
        parts.append(text(x + 4, y + 12, left(one.title, int(width / 6.2))))
        inner = Markup('<svg x="{}" y="{}" width="{}" height="{}">{}</svg>')
        parts.append(inner.format(*map(number, (x, y + head, one.width, one.height)), one.body))
    across = columns * width + (columns - 1) * 12
    x, y = 4.0, math.ceil(len(drawings) / columns) * (tall + head + 12) + 8
    for index, name in names.items():
        room = 30 + 6.6 * len(name)
        if x + room > across and x > 4:
            x, y = 4.0, y + 18
        swatch = Markup('<g class="e on" data-e="{}">{}{}</g>')
        parts.append(swatch.format(index, segment(x, y - 4, x + 16, y - 4, 'l'), text(x + 20, y, name)))
        x += room
    style = f'{STYLE}.e .l{{stroke-dasharray:var(--d,none)}}{look(entrants)}'
    size = f'{number(across)} {number(y + 8)}'
    return str(
        Markup('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {}" role="img" aria-label="{}"><style>{}</style>'
               '<rect width="100%" height="100%" fill="#fff"/>{}</svg>\n')
        .format(size, ' '.join(one.alt for one in drawings), Markup(style), joined(parts))
    )  # fmt: skip


def _points(points: Iterable[tuple[float, float]]) -> str:
    return str(escape(' '.join(f'{number(x)},{number(y)}' for x, y in points)))
