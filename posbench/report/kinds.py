"""The kinds of pictures of encodings, as views.py of the package writes them, and what each has to hold."""

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
