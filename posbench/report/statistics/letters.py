"""A compact letter display: two runs share a letter exactly where they cannot be told apart.

By inserting and absorbing: H.-P. Piepho, An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons,
Journal of Computational and Graphical Statistics 13 (2004).
"""

import numpy as np

# Groups; of more than so many letters nobody reads anything.
MOST = 104


def letters(different_EE: np.ndarray) -> list[str]:
    """The letters of each run, from the pairs that are told apart; a to z, then a1 to z1, ...; with nothing between.

    Runs that stand first get the first letters: give them from the best to the worst. ValueError for a relation that
    is not symmetric, or in which a run differs from itself. Not being told apart is not transitive, so that a run may
    have several letters. The groups may be exponentially many: no run has letters where there would be more than MOST.
    """
    different_EE = np.asarray(different_EE, bool)
    if different_EE.ndim != 2 or not np.array_equal(different_EE, different_EE.T) or different_EE.diagonal().any():
        raise ValueError(f'got {different_EE.shape}, wanted a symmetric relation of runs, none different from itself.')
    runs = len(different_EE)
    columns = [frozenset(range(runs))] if runs else []
    for a in range(runs):
        for b in range(a + 1, runs):
            if different_EE[a, b]:
                # A column with both is split in two; those that lie within another one are absorbed.
                split = {part for column in columns for part in _split(column, a, b)}
                columns = [part for part in split if not any(part < other for other in split)]
                if len(columns) > MOST:
                    return [''] * runs
    columns.sort(key=sorted)
    return [''.join(_name(i) for i, column in enumerate(columns) if run in column) for run in range(runs)]


def _split(column: frozenset[int], a: int, b: int) -> list[frozenset[int]]:
    return [column - {a}, column - {b}] if {a, b} <= column else [column]


def _name(number: int) -> str:
    again, letter = divmod(number, 26)
    return chr(ord('a') + letter) + (str(again) if again else '')
