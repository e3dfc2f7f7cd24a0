"""The digits of sums, and the positions that they get."""

import jax
import numpy as np
import pytest

from posbench import positions, tasks
from posbench.positions import base
from posbench.tasks.length import coupled_addition


def test_digits_of_the_same_significance_share_a_position_and_no_others_do():
    task = coupled_addition.Task()
    batch = task.sample(jax.random.key(0), 40, 6)
    coupled = positions.build('coupled').of_tokens(task.spelled, task.vocabulary)
    given = dict(tokens_BL=batch['inputs_BL'], segment_ids_BL=batch['segment_ids_BL'])
    pos_BLA = np.asarray(coupled(jax.random.key(1), *batch['inputs_BL'].shape, train=True, **given))
    starts = set()
    for row, ids in enumerate(pos_BLA[..., 1]):
        tokens, is_real = np.asarray(batch['inputs_BL'][row]), np.asarray(batch['segment_ids_BL'][row]) >= 0
        text = ''.join(task.spelled[token] for token in tokens[is_real])
        one, other, total = (text.find(sign) for sign in '$+=')
        digits = other - 1
        assert len(text) == 3 * digits + 4, 'all of the sum is read'
        of_one, of_other, of_sum = ids[one + 1 : other], ids[other + 1 : total], ids[total + 1 : len(text)]
        # Operands from the first digit, the sum from the last one.
        np.testing.assert_array_equal(of_one, of_other)
        np.testing.assert_array_equal(of_one[::-1], of_sum[:digits])
        assert len(set(of_sum)) == digits + 1 and 0 not in of_sum and ids[one] == 0
        assert ids[other] == ids[total] not in of_sum
        starts.add(min(of_sum))
    assert len(starts) > 20, 'ids begin anywhere'


def test_both_operands_have_any_number_of_digits_in_training_and_the_longest_later():
    task = coupled_addition.Task()
    batch = jax.tree.map(np.asarray, task.sample(jax.random.key(0), 400, 3))
    counts = []
    for tokens in batch['inputs_BL']:
        text = ''.join(task.spelled[token] for token in tokens).strip('$')
        counts.append(tuple(len(number.lstrip('0')) or 1 for number in text.split('=')[0].split('+')))
    found = {pair: counts.count(pair) for pair in set(counts)}
    # 44 each, and five standard deviations.
    assert set(found) == {(one, other) for one in (1, 2, 3) for other in (1, 2, 3)}
    assert max(abs(count - 400 / 9) for count in found.values()) < 5 * (400 / 9) ** 0.5


def test_a_map_that_looks_for_digits_wants_a_task_that_has_some():
    needle = tasks.build('retrieval/needle')
    with pytest.raises(ValueError, match='a task whose tokens are no text'):
        positions.build('coupled').of_tokens(needle.spelled, needle.vocabulary)
    assert base.ids_of(base.Looked('0123456789'), positions.coupled, 'digits', coupled_addition.Task().spelled) == (
        *range(10),
    )
