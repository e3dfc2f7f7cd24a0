"""Flip-flop, one symbol after the other."""

import math

import numpy as np

SETTINGS = [{}, dict(p_ignore=0.3), dict(read_only=False)]
OTHER = dict(p_ignore=0.5, read_only=False)


def expected(task, batch, protocol):
    symbols_BL = np.asarray(batch['inputs_BL'])
    targets_BL, weights_BL = np.zeros_like(symbols_BL), np.zeros(symbols_BL.shape, np.float32)
    for row, symbols_L in enumerate(symbols_BL.tolist()):
        words = ['01wri'[symbol] for symbol in symbols_L]
        assert words[0] == 'w' and words[-2] == 'r', 'the first instruction is w, the last one r'
        memory = None
        for place in range(0, len(words), 2):
            instruction, bit = words[place], words[place + 1]
            assert instruction in 'wri' and bit in '01', 'instructions and bits take turns'
            if instruction == 'w':
                memory = bit
            if instruction == 'r':
                assert bit == memory, 'what is read is what was written last'
                weights_BL[row, place] = 1
        for place in range(len(words)):
            # After the last symbol, the first one stands where nothing is scored.
            targets_BL[row, place] = symbols_L[(place + 1) % len(words)]
            if protocol is None and not task.read_only and place < len(words) - 1:
                weights_BL[row, place] = 1
    return dict(targets_BL=targets_BL, weights_BL=weights_BL)


def counted(task, split, length, batches):
    """Of saying the commoner bit at each place, or at all places."""
    ones, reads = np.zeros(length), np.zeros(length)
    for _, batch in batches:
        for symbols_L in batch['inputs_BL'].tolist():
            for place in range(0, length, 2):
                if symbols_L[place] == '01wri'.index('r'):
                    reads[place] += 1
                    ones[place] += symbols_L[place + 1]
    share = ones.sum() / reads.sum()
    # Four standard deviations of as many coins as there are sequences: one bit may be read many times.
    tolerance = 4 * 0.5 / math.sqrt(sum(len(batch['inputs_BL']) for _, batch in batches))
    for place in range(0, length, 2):
        if reads[place]:
            assert abs(ones[place] / reads[place] - 0.5) <= 5 * 0.5 / math.sqrt(reads[place]), f'place {place}'
    nats = -share * math.log(share) - (1 - share) * math.log(1 - share)
    return dict(error=(min(share, 1 - share), tolerance), loss=(nats, tolerance))
