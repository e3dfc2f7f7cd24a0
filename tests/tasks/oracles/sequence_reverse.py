"""Reversal, one symbol after the other."""

import math

import numpy as np

SETTINGS = [{}, dict(symbols=3)]
OTHER = dict(symbols=5)


def expected(task, batch, protocol, order=lambda symbols: [*reversed(symbols)]):
    begin, end = task.symbols, task.symbols + 1
    source_BM = np.asarray(batch['source_BM'])
    rows, length = source_BM.shape
    inputs_BL, targets_BL = np.full((rows, length + 1), end), np.full((rows, length + 1), end)
    weights_BL, segment_ids_BL = np.zeros((rows, length + 1), np.float32), np.full((rows, length + 1), -1)
    source_segment_ids_BM = np.full((rows, length), -1)
    for row, tokens_M in enumerate(source_BM.tolist()):
        count = tokens_M.index(end) if end in tokens_M else length
        assert count >= 1 and (protocol is None or count == length), 'at evaluation all rows are as long as they may be'
        assert all(0 <= token < task.symbols for token in tokens_M[:count]), 'symbols'
        assert all(token == end for token in tokens_M[count:]), 'nothing follows the last symbol'
        said = [*order(tokens_M[:count]), end]
        for place, token in enumerate(said):
            targets_BL[row, place], weights_BL[row, place], segment_ids_BL[row, place] = token, 1, 0
            inputs_BL[row, place] = begin if place == 0 else said[place - 1]
        source_segment_ids_BM[row, :count] = 0
    return dict(
        inputs_BL=inputs_BL,
        targets_BL=targets_BL,
        weights_BL=weights_BL,
        segment_ids_BL=segment_ids_BL,
        source_segment_ids_BM=source_segment_ids_BM,
    )


def counted(task, split, length, batches):
    """Of saying at each place what is said there most often, counted on the other half of the rows."""
    said = [row for _, batch in batches for row, w in zip(batch['targets_BL'].tolist(), batch['weights_BL']) if w.any()]
    learned, scored = said[::2], said[1::2]
    commonest = [np.bincount([row[place] for row in learned]).argmax() for place in range(length + 1)]
    right = sum(row[place] == commonest[place] for row in scored for place in range(length + 1))
    exact = sum(all(row[place] == commonest[place] for place in range(length + 1)) for row in scored)
    tokens = len(scored) * (length + 1)
    # Four standard deviations of what is right with probability 1/2, the most there can be.
    return dict(
        exact_match=(exact / len(scored), 4 * 0.5 / math.sqrt(len(scored))),
        token_accuracy=(right / tokens, 4 * 0.5 / math.sqrt(tokens)),
    )
