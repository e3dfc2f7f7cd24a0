"""Questions in words: that an exact match is what greedy decoding says, and that what is spelled out can be read."""

import jax
import numpy as np
import optax
import pytest

from posbench import encodings, positions, tasks
from posbench.models import build
from posbench.tasks import base, worded
from posbench.tasks.length import polynomial
from posbench.training import generate, step
from tests.tasks import oracles
from tests.tasks.oracles import spelling

NAMES = [name for name in oracles.names() if issubclass(tasks.TASKS.find(name), worded.Worded)]


def test_an_exact_match_is_an_answer_that_is_decoded_token_by_token():
    """Of a model that learned to copy a little, by the cache of keys and values, from the question alone."""
    task, position_map = tasks.build('length/copy', symbols=4), positions.build('sequential')
    model = build.language_model(
        vocabulary=task.vocabulary, encoding=encodings.build('rotary'), layers=2, width=32, heads=4, hidden=64
    )
    optimizer = optax.adam(5e-3)

    def batch_of(key):
        return step.with_positions(task.sample(key, 32, 3), position_map, key, train=True)

    @jax.jit
    def trained(key):
        state = step.init_state(model, optimizer, 0, batch_of(key))

        def one(number, state):
            batch = batch_of(jax.random.fold_in(key, number))
            return step.train_step(state, batch, model=model, task=task, optimizer=optimizer)[0]

        return jax.lax.fori_loop(0, 150, one, state).params

    @jax.jit
    def exact(params, batch):
        outputs_BLV = model.apply({'params': params}, batch, method='outputs')
        rows = {name: x[:, None] for name, x in batch.items() if name != 'rows_B'}
        return jax.vmap(task.score)(outputs_BLV[:, None], rows)['exact']

    params, found, decoded = trained(jax.random.key(0)), [], []
    # As long as in training, and longer.
    for length in (3, 6):
        _, batch = next(task.held_out('test', length, base.Budget(600, 600, 6, shapes=(6,))))
        found += exact(params, step.with_positions(batch, position_map, jax.random.key(0), train=False)).tolist()
        prompts = [row_L[: row_L.tolist().index(task.asks) + 1] for row_L in batch['inputs_BL']]
        said_BN = generate.generate(model, params, position_map, prompts, tokens=7, temperature=0.0)
        wanted_BN = [targets[weights > 0] for targets, weights in zip(batch['targets_BL'], batch['weights_BL'])]
        decoded += [float((said[: len(wanted)] == wanted).all()) for said, wanted in zip(said_BN, wanted_BN)]
    assert found == decoded
    assert 0.05 < np.mean(found) < 0.95, 'both answers should be among them'


@pytest.mark.parametrize('name', NAMES)
def test_what_is_spelled_out_can_be_read_again(name):
    """No word ends with another longer one, after words of one character: between two spaces there is one reading."""
    for options in oracles.module(name).SETTINGS:
        words = oracles.build(name, options).words
        assert len(set(words)) == len(words)
        longer, single = {word for word in words if len(word) > 1}, {word for word in words if len(word) == 1}
        for word in longer:
            endings = [word[cut:] for cut in range(1, len(word)) if set(word[:cut]) <= single]
            assert not longer & set(endings), word


def test_words_are_spelled_with_a_space_after_those_of_several_characters():
    task = tasks.build('length/copy', symbols=60, spelling='characters')
    asked = task.asked(jax.random.key(0), 4, 3)
    read = asked.prompt_P[: int(asked.size)].tolist()
    verb, *symbols = spelling.read(task, read)
    assert verb == 'copy' and len(symbols) == 3 and set(symbols) <= set(worded.symbols(60))
    text = ''.join(symbol if len(symbol) == 1 else f'{symbol}␣' for symbol in symbols)
    assert ''.join(map(task.letter, read)) == f'copy␣{text}'


def test_symbols_are_different_and_letters_come_first():
    assert worded.symbols(3) == ('a', 'b', 'c')
    assert len(set(worded.symbols(worded.MOST_SYMBOLS))) == worded.MOST_SYMBOLS == 572


def test_addition_is_trained_on_every_pair_of_sizes_evenly():
    task = tasks.build('length/addition')
    counts = np.zeros((3, 3))
    for row_L in np.asarray(jax.jit(lambda key: task.sample(key, 4000, 3)['inputs_BL'])(jax.random.key(0))):
        words = spelling.read(task, row_L[1 : row_L.tolist().index(task.asks)].tolist())
        plus = words.index('+')
        counts[plus - 2, len(words) - plus - 2] += 1
    # 444 each; five standard deviations.
    assert np.abs(counts - 4000 / 9).max() < 5 * 20


def test_lego_has_as_many_variables_as_names():
    with pytest.raises(ValueError, match='got 13 variables, wanted at most 12'):
        jax.eval_shape(lambda key: tasks.build('length/lego', names=12).sample(key, 1, 13), jax.random.key(0))


def test_powers_are_those_of_python():
    """0 to the power of 0 is 1, as it is in Python."""
    assert polynomial.POWER_XD.tolist() == [[x**degree for degree in range(4)] for x in range(-2, 3)]
