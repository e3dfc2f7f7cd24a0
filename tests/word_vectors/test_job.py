"""A run of word vectors, stopped anywhere, ends with the bits of one that was left alone; what it is made of fits."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from posbench.training import loop, trainable
from posbench.word_vectors import job, skipgram
from tests import small_job, small_vectors
from tests.training import test_loop

SEEDS = (0, 1)


@functools.cache
def tiny() -> job.Job:
    """Some steps; the last call of them is shorter than the others."""
    one = small_vectors.build('skipgram', seeds=SEEDS, vectors__words_per_step=256, train__epochs=3.3)
    assert one.schedule.steps > 8 and one.schedule.steps % one.schedule.steps_per_call
    return one


@pytest.fixture(scope='module')
def alone(tmp_path_factory):
    folder = tmp_path_factory.mktemp('runs') / 'alone'
    lines = test_loop.run(folder, tiny())
    assert lines[0] == '--resume=auto: no checkpoint, starting at step 0.'
    assert lines[-2].startswith(f'Step {tiny().schedule.steps}: validation loss ')
    return test_loop.outcome(folder, tiny())


# A call has a bar and perhaps a line; one line comes before the first.
@pytest.mark.parametrize('stops', [(4, 5), pytest.param((2, 3, 9), marks=pytest.mark.everything)])
def test_a_run_of_word_vectors_stopped_anywhere_ends_with_the_same_bits(tmp_path, alone, stops):
    for stop in stops:
        test_loop.run(tmp_path, tiny(), stop=stop)
    assert test_loop.run(tmp_path, tiny())[0].startswith('--resume=auto: from step ')
    assert test_loop.outcome(tmp_path, tiny()) == alone


def test_its_log_says_words_a_second_and_the_rate_of_each_step(tmp_path):
    test_loop.run(tmp_path, tiny())
    assert '"words_per_second": ' in (tmp_path / 'timing.jsonl').read_text()
    metrics = (tmp_path / 'metrics.jsonl').read_text()
    first = f'{{"step": 2, "split": "train", "name": "learning_rate", "value": {float(tiny().learning_rate(1))}, "seed"'
    assert first in metrics


def test_other_epochs_are_another_run_because_the_rate_falls_over_all_of_them(tmp_path):
    test_loop.run(tmp_path, tiny(), stop=6)
    longer = small_vectors.build('skipgram', seeds=SEEDS, vectors__words_per_step=256, train__epochs=4)
    with pytest.raises(loop.AnotherRun, match=r'config.train.epochs is 3.3 there and 4.0 here'):
        test_loop.run(tmp_path, longer)


def test_both_kinds_of_runs_have_all_that_the_loop_asks_for():
    wanted = [name for name in vars(trainable.Trainable) if not name.startswith('_')]
    wanted += [name for name in trainable.Trainable.__annotations__ if not name.startswith('_')]
    for one in (tiny(), small_job.build('rope')):
        assert [name for name in wanted if not hasattr(one, name)] == []
        assert [name for name in trainable.Pace.__annotations__ if not hasattr(one.schedule, name)] == []


def test_a_result_is_that_of_its_seed():
    one = tiny()
    state = one.fresh_state(lambda line: None)
    first, second = one.results(state.params)
    assert first.words == one.text.corpus.words
    assert (first.vectors_VD != second.vectors_VD).any()
    np.testing.assert_array_equal(first.vectors_VD, np.asarray(state.params['input'])[0])
    assert jax.tree.map(np.shape, state.params) == {
        name: (len(SEEDS), *shape) for name, shape in one.table_shapes().items()
    }


@pytest.mark.parametrize(
    ('changes', 'line'),
    [
        (dict(vectors__words_per_step=100), r'config\.vectors\.words_per_step: got 100, wanted a multiple'),
        (dict(train__epochs=1e19), r'config\.train\.epochs: got 1e\+19, which are [0-9.e+]+ steps, wanted below'),
        (dict(mesh__data=7), r'config\.mesh: got seed=1, data=7'),
    ],
)
def test_what_does_not_fit_the_text_or_the_devices_is_one_line(changes, line):
    with pytest.raises(ValueError, match=line) as error:
        small_vectors.build('skipgram', **changes)
    assert '\n' not in str(error.value)


def test_a_nan_is_traced_to_its_operation_with_debug_nans(tmp_path):
    one = dataclasses.replace(tiny(), debug_nans=True, trainer=Broken(**vars(tiny().trainer)))
    with pytest.raises(loop.NotANumber, match=r'^step 5 of seed 0: `(log|sqrt|div)` at \S*test_job\.py:\d+'):
        loop.run(one, tmp_path, 'auto', test_loop.Notes())


@dataclasses.dataclass(frozen=True)
class Broken(skipgram.Trainer):
    """From its fifth step on the rate is none."""

    def rate(self, step, total):
        rate = super().rate(step, total)
        return jax.numpy.log(jax.numpy.where(step >= 4, -1.0, jax.numpy.exp(rate)))
