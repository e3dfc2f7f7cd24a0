"""atlas.json to atlas.html and its figures: one page that holds every encoding and asks the network for nothing."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path

from markupsafe import Markup, escape

from posbench.files import write_atomically
from posbench.report import kinds, texts
from posbench.report.numbers import number
from posbench.report.rows import ReportError

NAME = 'atlas.json'

# In the order of the page: a heading, and what the encodings below it have in common.
GROUPS = {
    'nothing': ('No encoding', 'Order reaches the model through the causal mask alone.'),
    'absolute': (
        'Absolute: in the residual stream',
        'Positions become part of what runs through the layers, below the first one or where a layer begins.',
    ),
    'rotation': ('Rotations', 'Queries and keys are turned by their positions; their product sees the difference.'),
    'bias': ('Additive biases', 'A number that positions alone decide is added to each logit.'),
    'relative': (
        'Relative keys and values',
        'Vectors of positions meet the query, the key or the weights, and add to the logits or to the output.',
    ),
    'content': (
        'Content-dependent',
        'What lies between two tokens, or the tokens themselves, decides how far apart they are.',
    ),
    'plan': (
        'Plans, wrappers and temperatures',
        'Built around other encodings: which layer has which, which coordinate it reads, how sharp attention is.',
    ),
}

# What a claim says where it holds, where it does not, and how the page's filter calls it.
CLAIMS = {
    'shift_invariant': ('Adding one number to all positions changes nothing', 'Absolute positions matter'),
    'causal_only': ('Tells tokens apart through the causal mask only', ''),
    'reads_positions': ('Position ids reach the output', 'Reads no position ids'),
    'reads_order': ('Reads which token is stored before which', ''),
    'needs_causal': ('Reads what lies between query and key: no meaning in an encoder', ''),
    'depends_on_length': ('More tokens change the logits of earlier ones', ''),
    'neutral_at_zero': ('', 'Acts even with all tokens at one position and all parameters 0'),
    'embed_adds': ('', 'Acts on token vectors otherwise than by adding a vector to them'),
    'per_layer': ('Each layer has parameters of its own', ''),
    'even_head_width': ('Wants an even head width', ''),
    'even_width': ('Wants an even width', ''),
}
FILTERS = {
    'shift invariant': lambda row: row['claims']['shift_invariant'],
    'no parameters': lambda row: row['params'] == 0,
    'works in an encoder': lambda row: not row['claims']['needs_causal'] and not row['claims']['causal_only'],
    'several axes': lambda row: row['claims']['axes'] > 1,
}
COSTS = ((1.02, 'free'), (1.25, 'light'), (2.0, 'moderate'), (float('inf'), 'heavy'))
COST_NOTE = (
    'Cost is the arithmetic of one layer of attention (one sequence of the training length, forward, projections '
    'included) as a multiple of the same without an encoding, counted by the compiler; memory is the traffic of the '
    'same program. In words: '
    f'{", ".join(f"{word} up to ×{limit:g}" for limit, word in COSTS[:-1])}, {COSTS[-1][1]} beyond.'
)
FIELDS = {
    'name': str, 'encoding': str, 'group': str, 'documentation': str, 'formula': str, 'options': list, 'claims': dict,
    'hooks': list, 'params': int, 'cost': dict, 'views': list, 'configs': list,
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Figure:
    """One picture on a card."""

    path: Path
    caption: str
    alt: str
    data: str


@dataclasses.dataclass(frozen=True)
class Card:
    """What the page says of one encoding; `words` is what its search looks through."""

    anchor: str
    name: str
    group: str
    idea: Markup
    source: Markup
    formula: Markup
    facts: list[tuple[str, str | Markup]]
    options: list[dict]
    configs: list[dict]
    figures: list[Figure]
    filters: list[str]
    words: str
    params: int | None = None
    cost: float | None = None
    cost_class: str = ''
    hooks: str = ''
    error: str = ''


def is_atlas(folder: str | Path) -> bool:
    """Whether a folder holds an atlas."""
    return (Path(folder) / NAME).is_file()


def build(folder: str | Path) -> Path:
    """Writes atlas.html and figures/*.png from atlas.json; gives the path of the page.

    Raises ReportError, in one line, for a damaged atlas.json.
    """
    from posbench.report import page

    folder = Path(folder)
    item = read(folder)
    cards = [_card(row, figures) for row, figures in _draw(item, folder)]
    groups = [
        (group, *GROUPS[group], [card for card in cards if card.group == group])
        for group in GROUPS
        if any(card.group == group for card in cards)
    ]
    html = page.environment().get_template('atlas.html.j2').render(
        item=item,
        groups=groups,
        cards=[card for *_, members in groups for card in members],
        broken=[card for card in cards if card.error],
        filters=list(FILTERS),
        cost_note=COST_NOTE,
    )  # fmt: skip
    write_atomically(folder / 'atlas.html', html)
    return folder / 'atlas.html'


def read(folder: Path) -> dict:
    """atlas.json, checked."""
    path = folder / NAME
    try:
        item = json.loads(path.read_text(encoding='utf-8'))
        rows = item['encodings']
        numbers = [item[name] for name in ('width', 'heads', 'layers', 'train_length', 'longest')]
        if not all(isinstance(number, int) for number in numbers) or not isinstance(item['problems'], list):
            raise ReportError(f'{path}: wanted whole numbers as sizes and a list of problems.')
        for row in rows:
            _check(row)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise ReportError(f'{path}: damaged, no atlas ({type(error).__name__}: {error}).') from None
    except ValueError as error:
        raise ReportError(f'{path}: {error}') from None
    return item


def _check(row: dict) -> None:
    if isinstance(row.get('error'), str) and isinstance(row.get('name'), str):
        return
    for name, kind in FIELDS.items():
        if not isinstance(row.get(name), kind):
            raise ValueError(f'{row.get("name")}: {name} is {row.get(name)!r:.60}, wanted {kind.__name__}.')
    if row['group'] not in GROUPS:
        raise ValueError(f'{row["name"]}: group is {row["group"]!r}, wanted one of {", ".join(GROUPS)}.')
    for view in row['views']:
        kinds.check(view)


def _draw(item: dict, folder: Path) -> Iterator[tuple[dict, list[Figure]]]:
    """Every row with its figures drawn and saved."""
    from posbench.report import canvas, page, pictures

    (folder / 'figures').mkdir(exist_ok=True)
    with canvas.style():
        for row in item['encodings']:
            figures = []
            for view in row.get('views', []):
                if view['kind'] == 'none':
                    continue
                stem = '-'.join(filter(None, [anchor(row['name']), view.get('part'), view['kind']]))
                path = folder / 'figures' / f'{stem}.png'
                # Of few colours, but for the shades of a matrix.
                colours = 256 if view['kind'] in ('similarity', 'grid') else 48
                canvas.save(pictures.card(view, item['train_length']), path, scale=0.8, colours=colours)
                caption = f'{view["part"]}: {view["title"]}' if view.get('part') else view['title']
                alt = f'{row["name"]}: {caption}. {summary(view)}'
                figures.append(Figure(path, caption, alt, page.Picture(path, alt).data))
            yield row, figures


def summary(view: dict) -> str:
    """The numbers of a picture in a sentence, for those who do not see it."""
    if view['kind'] == 'similarity':
        positions, first = view['positions'], view['matrix'][0] if view['matrix'] else []
        if not first:
            return ''
        return f'Position {positions[0]} with position {positions[-1]}: {number(first[-1], 2)}.'
    if view['kind'] == 'grid':
        last, middle = view['offsets'][-1], len(view['offsets']) // 2
        parts = [
            f'{name}: {number(rows[middle][middle], 2)} in the middle, {number(rows[middle][-1], 2)} at '
            f'column {last}, {number(rows[-1][middle], 2)} at row {last}, {number(rows[-1][-1], 2)} at both'
            for name, rows in view['maps'].items()
        ]
        return '; '.join(parts) + '.'
    if view['kind'] == 'spectrum':
        parts = []
        for name, values in view['wavelengths'].items():
            turning = [value for value in values if value is not None]
            still = len(values) - len(turning)
            ends = f'{number(min(turning), 1)} to {number(max(turning), 1)} tokens' if turning else 'none'
            parts.append(f'{name}: {ends}' + (f', {texts.count(still, "pair")} not turned' if still else ''))
        return '; '.join(parts) + '.'
    lines = view.get('curves') or {f'head {i + 1}': line for i, line in enumerate(view['heads'])}
    ends = [
        f'{name} from {number(line[0], 2)} at {view["distances"][0]} to {number(line[-1], 2)} at '
        f'{view["distances"][-1]:,}'
        for name, line in list(lines.items())[:4]
    ]
    unit = ' (powers of ten of an even share)' if view['kind'] == 'attention' else ''
    return f'{"; ".join(ends)}{unit}.'


def _card(row: dict, figures: list[Figure]) -> Card:
    name = row['name']
    if 'error' in row:
        nothing = dict.fromkeys(('idea', 'source', 'formula'), Markup(''))
        lists = {field: [] for field in ('facts', 'options', 'configs', 'figures', 'filters')}
        return Card(anchor(name), name, 'broken', **nothing, **lists, words=name, error=row['error'])
    idea, _, source = row['documentation'].partition('\n\n')
    ratio = row['cost']['arithmetic']
    filters = [word for word, holds in FILTERS.items() if holds(row)]
    cost_class = next(word for limit, word in COSTS if ratio <= limit)
    words = [
        *(name, row['encoding'], *GROUPS[row['group']], row['documentation'], row['formula'], *row['hooks'], *filters),
        *(option['name'] for option in row['options']),
        *(f'{config["name"]} {config["about"]}' for config in row['configs']),
        *_claims(row['claims']),
    ]
    return Card(
        anchor=anchor(name),
        name=name,
        group=row['group'],
        idea=_prose(idea),
        source=_prose(source),
        formula=_prose(row['formula']),
        facts=list(_facts(row, cost_class)),
        options=row['options'],
        configs=[config | {'about': _inline(' '.join(config['about'].split()))} for config in row['configs']],
        figures=figures,
        filters=filters,
        words=' '.join(' '.join(words).lower().split()),
        params=row['params'],
        cost=ratio,
        cost_class=cost_class,
        hooks=', '.join(row['hooks']) or 'none',
    )


def _facts(row: dict, cost_class: str) -> Iterator[tuple[str, str]]:
    cost = row['cost']
    yield 'Parameters', f'{row["params"]:,}' if row['params'] else 'none'
    yield 'Cost', f'{cost_class}: arithmetic ×{cost["arithmetic"]:.2f}, memory ×{cost["traffic"]:.2f}'
    yield 'Hooks', ', '.join(row['hooks']) or 'none'
    yield 'Claims', '. '.join(_claims(row['claims'])) + '.'
    if row.get('parameters') == 'random':
        yield 'Drawn with', 'small random parameters, because the initial ones do nothing'
    elif row.get('parameters') == 'initial':
        yield 'Drawn with', 'its initial parameters'


def _claims(claims: dict) -> list[str]:
    """Sentences without their full stops. A claim that this page does not know is shown as it is."""
    found = []
    for name, value in claims.items():
        if name in CLAIMS:
            found.append(CLAIMS[name][0 if value else 1])
        elif name == 'axes':
            found.append(f'Reads {value} coordinates of a position' if value > 1 else '')
        elif name == 'halo':
            found.append(f'Sees {texts.count(value, "key")} beside a block' if value else '')
        elif name == 'normaliser':
            found.append('' if value == 'softmax' else f'Weights by {value}, not by softmax')
        elif name == 'period':
            found.append(f'The kinds of layers repeat after {value}' if value > 1 else '')
        else:
            found.append(f'{name}: {value}')
    return [sentence for sentence in found if sentence]


def anchor(name: str) -> str:
    """A name as the fragment of a link and the beginning of a file name."""
    return re.sub(r'[^a-z0-9_]+', '-', name.lower()).strip('-') or 'encoding'


def _prose(text: str) -> Markup:
    """Paragraphs of a docstring, with `code` as code and arXiv numbers as links; nothing else is markup."""
    paragraphs = [' '.join(paragraph.split()) for paragraph in re.split(r'\n\s*\n', text) if paragraph.strip()]
    return Markup('').join(Markup('<p>{}</p>').format(_inline(paragraph)) for paragraph in paragraphs)


def _inline(text: str) -> Markup:
    parts = []
    for part in re.split(r'(`[^`]+`|\barXiv[: ]+\d{4}\.\d{4,5})', text):
        if len(part) > 2 and part.startswith('`'):
            parts.append(Markup('<code>{}</code>').format(part[1:-1]))
        elif part.startswith('arXiv'):
            number = re.search(r'[\d.]+$', part).group()
            link = Markup('<a href="https://arxiv.org/abs/{0}" rel="noreferrer">arXiv {0}</a>')
            parts.append(link.format(number))
        else:
            parts.append(escape(part))
    return Markup('').join(parts)
