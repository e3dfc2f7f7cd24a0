"""What a picture has to hold: the kinds of those of encodings, as atlas/views.py writes them, and those of tasks."""

KINDS = {
    'similarity': 'cosine similarity of the vectors of two positions',
    'score': 'score against distance, query and key fixed',
    'bias': 'bias on the score against distance, one line a head',
    'grid': 'what a query in the middle of a grid finds at each key, one map a head',
    'spectrum': 'wavelength of each pair of channels that is turned',
    'attention': 'attention to random tokens against distance, mean and spread, one line a head',
    'none': 'nothing to draw',
}


def check(picture: dict) -> None:
    """ValueError, in one line, for a picture of an unknown kind, or one whose lines are not as long as their axis."""
    kind = picture.get('kind')
    if kind not in KINDS:
        *others, last = KINDS
        raise ValueError(f'kind is {kind!r}, wanted {", ".join(others)} or {last}.')
    try:
        if kind == 'similarity':
            fits = {len(line) for line in picture['matrix']} == {len(picture['matrix'])} == {len(picture['positions'])}
        elif kind == 'score':
            fits = {len(curve) for curve in picture['curves'].values()} == {len(picture['distances'])}
        elif kind == 'bias':
            fits = {len(head) for head in picture['heads']} == {len(picture['distances'])}
        elif kind == 'attention':
            lines = [*picture['heads'], *picture['spread']]
            fits = {len(line) for line in lines} == {len(picture['distances'])}
            fits = fits and len(picture['heads']) == len(picture['spread'])
        elif kind == 'grid':
            lines = [line for rows in picture['maps'].values() for line in rows]
            fits = {len(line) for line in lines} == {len(picture['offsets'])}
            fits = fits and {len(rows) for rows in picture['maps'].values()} == {len(picture['offsets'])}
        elif kind == 'spectrum':
            fits = all(len(values) > 0 for values in picture['wavelengths'].values())
        else:
            fits = True
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'not a picture of kind {kind!r} ({type(error).__name__}: {error}).') from None
    if not fits:
        raise ValueError(f'the values of kind {kind!r} have other lengths than their positions or distances.')


def check_figure(figure: dict) -> None:
    """ValueError, in one line, for a figure of a task that cannot be drawn.

    A matrix has `title`, `rows` and `columns` (names), `values` (a list a row; null where there is none), and perhaps
    `row_label` and `column_label`, which say what the names are: 'true' and 'said' of a confusion matrix. With `share`,
    the values are shares, from 0 to 1, and shaded as they are.
    """
    if not isinstance(figure, dict) or figure.get('kind') != 'matrix':
        raise ValueError(f'kind is {figure.get("kind") if isinstance(figure, dict) else figure!r}, wanted matrix.')
    labels = {label: figure.get(label, '') for label in ('title', 'row_label', 'column_label')}
    for label, text in labels.items():
        if not isinstance(text, str) or (label == 'title' and not text):
            raise ValueError(f'{label} is {text!r:.60}, wanted a text.')
    for side in ('rows', 'columns'):
        names = figure.get(side)
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ValueError(f'{side} is {names!r:.60}, wanted a list of names.')
    lines, shape = figure.get('values'), (len(figure['rows']), len(figure['columns']))
    if not isinstance(lines, list) or not all(isinstance(line, list) for line in lines):
        raise ValueError(f'values is {lines!r:.60}, wanted a list of numbers for each row.')
    if len(lines) != shape[0] or {len(line) for line in lines} != {shape[1]}:
        raise ValueError(f'values are no {shape[0]} rows of {shape[1]} numbers, as the names are.')
    if figure.get('share') not in (None, True, False):
        raise ValueError(f'share is {figure["share"]!r:.60}, wanted true or false.')
    for value in (value for line in lines for value in line):
        if isinstance(value, bool) or not isinstance(value, int | float | None):
            raise ValueError(f'values hold {value!r:.60}, wanted numbers or null.')
