"""What oracles share of tasks that are a question and its answer: rows are read token by token, without their code."""

import math

import numpy as np


def expected(task, batch, answer, protocol):
    """inputs, targets, weights and segments from the questions alone.

    answer: (task, symbols of a question) -> symbols of the answer, or these and how many of them count. It raises
      AssertionError where no such question can be.
    """
    rows = [_row(task, row, batch, answer) for row in range(len(batch['inputs_BL']))]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _row(task, row, batch, answer):
    said = hasattr(task, 'asks')
    inputs_L = batch['inputs_BL'][row].tolist()
    real = int((batch['segment_ids_BL'][row] >= 0).sum())
    if said:
        assert inputs_L[0] == task.begin
        ask = inputs_L.index(task.asks)
        symbols = inputs_L[1:ask]
    else:
        ask = inputs_L.index(task.empty) if task.empty in inputs_L else len(inputs_L)
        symbols = inputs_L[:ask]
    assert all(0 <= symbol < task.alphabet for symbol in symbols)
    wanted = answer(task, symbols)
    wanted, scored = wanted if isinstance(wanted, tuple) else (wanted, len(wanted))
    places = len(inputs_L)
    found = dict(weights_BL=np.zeros(places, np.float32), segment_ids_BL=np.full(places, -1, np.int32))
    if said:
        whole = [task.begin, *symbols, task.asks, *wanted]
        whole += [task.end] * (places + 1 - len(whole))
        last = ask + len(wanted) + task.says_end
        found['inputs_BL'], found['targets_BL'] = (np.array(part, np.int32) for part in (whole[:-1], whole[1:]))
        found['weights_BL'][ask:last] = 1
    else:
        last = ask + len(wanted)
        found['inputs_BL'] = np.array([*symbols, *[task.empty] * (places - len(symbols))], np.int32)
        found['targets_BL'] = np.zeros(places, np.int32)
        found['targets_BL'][ask:last] = wanted
        found['weights_BL'][ask : ask + scored] = 1
    found['segment_ids_BL'][:last] = 0
    assert real == last, 'a row ends with its answer'
    return found


def counted(task, batches, **known):
    """Chance on these batches: of the token that stands at each place of an answer most often in their first half.

    known: shares that are known exactly, which are held to what was counted as well as to the task.
    """
    rows = [np.array(targets[weights > 0]) for _, batch in batches for targets, weights in
            zip(batch['targets_BL'], batch['weights_BL']) if weights.any()]  # fmt: skip
    half, places = len(rows) // 2, max(map(len, rows))
    counts_AV = np.ones((places, task.vocabulary))
    for row in rows[:half]:
        for place, token in enumerate(row):
            counts_AV[place, token] += 1
    commonest_A, p_AV = counts_AV.argmax(axis=1), counts_AV / counts_AV.sum(axis=1, keepdims=True)
    right = [row == commonest_A[: len(row)] for row in rows[half:]]
    nats = [-np.log(p_AV[np.arange(len(row)), row]) for row in rows[half:]]
    # Four standard deviations of as many coins as there are rows; nats are wider than a coin.
    tolerance = 4 * 0.5 / math.sqrt(half)
    found = dict(
        exact_match=(float(np.mean([one.all() for one in right])), tolerance),
        token_accuracy=(float(np.concatenate(right).mean()), tolerance),
        loss=(float(np.concatenate(nats).mean()), 4 * tolerance),
    )
    for name, value in known.items():
        assert abs(found[name][0] - value) <= tolerance, f'{name}: known to be {value}, counted {found[name][0]}'
        found[name] = (value, 2 / math.sqrt(8192))
    return found
