"""How often what is said in flip-flop sequences, which no oracle of single sequences can tell."""

import jax
import numpy as np
import pytest

from posbench.tasks import base
from posbench.tasks.retrieval import flip_flop


@pytest.mark.parametrize('p_ignore', [0.8, 0.1])
def test_instructions_and_bits_come_as_often_as_they_should(p_ignore):
    batch = flip_flop.Task(p_ignore=p_ignore).sample(jax.random.key(0), 400, 64)
    symbols_BL = np.asarray(batch['inputs_BL'])
    between = symbols_BL[:, 2:-2:2]
    for symbol, share in (
        (flip_flop.IGNORE, p_ignore),
        *((s, (1 - p_ignore) / 2) for s in (flip_flop.WRITE, flip_flop.READ)),
    ):
        # Five standard deviations of a share of 12,000.
        assert abs((between == symbol).mean() - share) < 5 * 0.5 / between.size**0.5
    free = symbols_BL[:, :-1:2] != flip_flop.READ
    assert abs(symbols_BL[:, 1::2][free].mean() - 0.5) < 5 * 0.5 / free.sum() ** 0.5


def test_the_protocols_have_their_shares_of_instructions_to_ignore():
    task, budget = flip_flop.Task(p_ignore=0.5), base.Budget(25_600, 25_600, 64)
    for protocol, batch in task.held_out('test', 64, budget):
        found = (batch['inputs_BL'][:, 2:-2:2] == flip_flop.IGNORE).mean()
        assert abs(found - dict(in_distribution=0.5, sparse=0.98, dense=0.1)[protocol]) < 0.02


@pytest.mark.parametrize('length', [2, 7])
def test_a_length_without_room_or_with_half_a_pair_is_one_line(length):
    with pytest.raises(ValueError, match=f'length: got {length}, wanted an even number of at least 4'):
        flip_flop.Task().sample(jax.random.key(0), 2, length)
    with pytest.raises(ValueError, match=f'length: got {length}'):
        next(flip_flop.Task().held_out('test', length, base.Budget(100, 100, 100)))


def test_a_model_of_no_numbers_has_no_error_rate():
    """The place of a NaN passes for the likeliest token, and would be right half of the time."""
    task = flip_flop.Task()
    batch = task.sample(jax.random.key(0), 8, 16)
    found = task.values(task.score(np.full((8, 16, 5), np.nan, np.float32), batch))
    assert np.isnan(found['error']) and np.isnan(found['loss'])


def test_an_example_has_the_answers_below_the_bits():
    batch = dict(inputs_BL=np.array([[2, 1, 4, 0, 3, 1]]), weights_BL=np.array([[0, 0, 0, 0, 1.0, 0]]))
    text = flip_flop.Task().example(batch, 0, np.array([0, 0, 0, 0, 1, 0]))
    assert text.splitlines() == ['read  w1i0r1', 'said       1']
