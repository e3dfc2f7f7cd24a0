"""A run of two phases: the weights go on, the encoding does not, and a kill at the border changes no bit."""

import concurrent.futures
import shutil

import jax
import numpy as np
import pytest

from posbench import streams
from posbench.encodings import none, rotary
from posbench.training import checkpoint, loop
from tests import small_job
from tests.encodings import small
from tests.training.test_loop import CALL, STEPS, Notes, outcome, restored, run, tiny

BORDER = STEPS - small_job.SECOND_STEPS


@pytest.fixture(scope='module')
def drope():
    return tiny('drope', train__keep_checkpoints=1)


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory, drope):
    folder = tmp_path_factory.mktemp('phases') / 'uninterrupted'
    assert f'Step {BORDER}: from here on with the encoding none.' in run(folder, drope)
    return folder


def test_the_first_phase_is_bit_for_bit_the_start_of_a_run_without_a_second(tmp_path, uninterrupted):
    run(tmp_path, tiny('rope'), stop=8)
    *alone, _ = (tmp_path / 'metrics.jsonl').read_text().split('\n')
    assert len(alone) == BORDER // CALL * 2 * (3 + 3)
    both = (uninterrupted / 'metrics.jsonl').read_text().split('\n')
    assert both[: len(alone)] == alone
    assert len(both) - 1 == STEPS // CALL * 2 * (3 + 3)


def test_at_the_border_weights_and_batches_go_on_and_the_optimizer_starts_anew(uninterrupted, drope):
    before = restored(uninterrupted, drope, BORDER)
    after = drope.take_over(before)
    old, new = small.by_path(before.params), small.by_path(after.params)
    assert set(old) < set(new)
    for path, leaf in old.items():
        np.testing.assert_array_equal(new[path], leaf, err_msg=path)
    added = {path: leaf for path, leaf in new.items() if path not in old}
    assert len(added) == 2 * drope.model.body.layers and all('_norm' in path for path in added)
    assert all((leaf == 1).all() for leaf in added.values())
    np.testing.assert_array_equal(after.step, BORDER)
    np.testing.assert_array_equal(after.seed, before.seed)
    assert all((np.asarray(leaf) == 0).all() for leaf in jax.tree.leaves(after.opt_state))


def test_the_second_phase_has_the_other_encoding(uninterrupted, drope):
    """The loss of its first step, computed with and without rotation from the weights of the border."""
    assert (type(drope.before.model.encoding), type(drope.model.encoding)) == (rotary.Encoding, none.Encoding)
    state = drope.take_over(restored(uninterrupted, drope, BORDER))
    params = jax.tree.map(lambda leaf: leaf[0], state.params)
    key = streams.key(drope.seeds[0], 'batch', BORDER)
    batch = jax.jit(lambda task: task.sample(key, small_job.BATCH, small_job.LENGTH))(drope.task)

    def loss(encoding):
        pos_BL = np.arange(small_job.LENGTH, dtype=np.int32)[None]
        model = small.changed(drope.model, encoding=encoding)
        logits_BLV = jax.jit(model.apply)({'params': params}, batch['inputs_BL'], pos_BL)
        nats_BLV = -jax.nn.log_softmax(logits_BLV)
        return np.take_along_axis(nats_BLV, np.asarray(batch['targets_BL'])[..., None], axis=-1).mean()

    source = drope.device_feed()
    _, metrics = drope.compiled_steps(state, source, np.int32(1))
    got = float(metrics['loss'][0, 0])
    np.testing.assert_allclose(got, loss(none.Encoding()), rtol=1e-6)
    assert abs(got - loss(drope.before.model.encoding)) > 1e-3


# A call has a line for its bar and one for its validation; the first two lines come before and after the first call.
@pytest.mark.parametrize(
    'stops, starts',
    [
        # After the last step of the first phase, before its checkpoint; after that, before the second phase; in it.
        ((8, 5), (BORDER - CALL, BORDER)),
        ((9, 3), (BORDER, BORDER)),
    ],
    ids=['before the checkpoint of the border', 'after it'],
)
def test_a_run_stopped_at_the_border_ends_with_the_same_bits(tmp_path, uninterrupted, drope, stops, starts):
    run(tmp_path, drope, stop=stops[0])
    for start, stop in zip(starts, (*stops[1:], None), strict=True):
        if start < BORDER:
            found = loop.restore(drope, tmp_path, Notes())
            assert (found.step, found.before) == (start, None)
        assert (
            run(tmp_path, drope, stop=stop)[0] == f'--resume=auto: from step {start}, bit for bit (same fingerprint).'
        )
    assert outcome(tmp_path, drope) == outcome(uninterrupted, drope)


def test_the_end_of_the_first_phase_is_kept_for_its_rows(uninterrupted, drope):
    kept = sorted(int(path.name) for path in (uninterrupted / 'checkpoints').iterdir())
    assert kept == [BORDER, STEPS]
    trained = loop.run(drope, uninterrupted, 'must', Notes())
    assert (trained.step, trained.before.step, trained.before.before) == (STEPS, BORDER, None)
    assert 'query_norm' in trained.params['block_0'] and 'query_norm' not in trained.before.params['block_0']


def test_a_first_phase_that_cannot_be_read_any_more_is_said_and_left_out(tmp_path, uninterrupted, drope):
    shutil.copytree(uninterrupted, tmp_path / 'copy')
    (tmp_path / 'copy' / 'checkpoints' / f'{BORDER:08d}' / 'manifest.json').unlink()
    notes = Notes()
    assert loop.run(drope, tmp_path / 'copy', 'must', notes).before is None
    assert f'Of the first {BORDER} steps the encoding rotary cannot be scored' in notes.lines[-1]


def test_a_last_save_that_failed_fails_the_run(tmp_path, drope, monkeypatch):
    save = checkpoint.Checkpoints.save

    def full(self, at, *rest):
        save(self, at, *rest)
        if at == STEPS:
            self.wait()
            self._saving = concurrent.futures.Future()
            self._saving.set_exception(checkpoint.CheckpointError('No space left on device'))

    monkeypatch.setattr(checkpoint.Checkpoints, 'save', full)
    with pytest.raises(checkpoint.CheckpointError, match='No space left'):
        loop.run(drope, tmp_path, 'auto', Notes())


def test_parameters_of_an_encoding_that_stays_go_on_though_its_file_is_read_twice(tmp_path):
    path = tmp_path / 'mine.py'
    path.write_text(MINE)
    mine = dict(name='mine', module=str(path))
    job = small_job.build('none', encoding=mine, second_phase__encoding=mine, second_phase__qk_norm=True)
    state = job.before.init_state()
    state = state._replace(params=jax.tree.map(lambda leaf: leaf + 1.0, state.params))
    np.testing.assert_array_equal(job.take_over(state).params['position_encoding']['slope'], [[2.0, 2.0]])


MINE = """
import jax.numpy as jnp
import flax.linen as nn
from posbench.encodings import base


class Encoding(base.PositionEncoding):
    def setup(self):
        self.slope_H = self.param('slope', nn.initializers.ones, (self.heads,))

    def bias(self, pos_q_BL, pos_k_BM):
        return -self.slope_H[None, :, None, None] * jnp.abs(pos_q_BL[:, :, None] - pos_k_BM[:, None, :])[:, None]
"""


def test_both_ways_to_compile_give_two_phases_the_same_losses():
    two = dict(seeds=(0, 1), model__layers=1)
    jit = small_job.losses(small_job.build('drope', **two))
    pmap = small_job.losses(small_job.build('drope', **two, parallel='pmap', mesh__data=2))
    np.testing.assert_allclose(pmap, jit, rtol=2e-6)


def test_the_parameters_of_the_first_encoding_are_dropped_and_those_of_the_second_are_fresh():
    job = small_job.build('t5', second_phase__encoding__name='kerple_log')
    shapes = [set(small.by_path(phase.abstract_state.params)) for phase in job.phases]
    own = [{path for path in paths if 'position_encoding' in path} for paths in shapes]
    assert own[0] and own[1] and not own[0] & own[1]
    assert shapes[0] - own[0] == shapes[1] - own[1]


def test_weights_without_a_place_in_the_second_phase_are_refused():
    plan = dict(name='by_layer', module=None, first='rotary', second='none', pattern=(0, 1))
    job = small_job.build('rope', model__scan_layers=True, model__layers=2, second_phase__encoding=plan)
    with pytest.raises(ValueError, match=r"^config.second_phase.encoding: got 'by_layer', .* weights blocks/"):
        job.check()
