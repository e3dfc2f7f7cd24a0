"""Weights from elsewhere: what is taken, what is said of it, and what is not trained, at all or at first."""

import functools
import json

import jax
import numpy as np
import pytest

from posbench import pretrained
from posbench.training import checkpoint, init, optim
from tests import small_job
from tests.pretrained import weights
from tests.training.test_loop import CALL, Notes, outcome, restored, run

VECTORS, KERNEL = 'input_layer/vectors', 'block_0/up/kernel'


@functools.cache
def tiny(config='rope', **changes):
    every = dict(train__steps_per_call=CALL, train__evaluate_every=10, train__checkpoint_every=CALL, train__steps=10)
    return small_job.build(config, **dict(seeds=(0, 1), model__layers=1) | every | changes)


def host(tree) -> dict[str, np.ndarray]:
    return {path: np.asarray(leaf) for path, leaf in init.by_path(tree).items()}


def test_parameters_are_taken_by_path_and_shape():
    old = dict(up=np.ones(2), gone=np.ones(1), wide=np.ones(4), position_encoding=dict(table=np.ones(3)))
    fresh = dict(up=np.zeros(2), new=np.zeros(1), wide=np.zeros(5), position_encoding=dict(table=np.zeros(3)))
    shapes, given = ({path: leaf.shape for path, leaf in init.by_path(tree).items()} for tree in (fresh, old))
    found = init.match(shapes, given, lambda path: not path.startswith('position_encoding'))
    assert found == (['up'], ['new', 'wide (got (4,), wanted (5,))'], ['gone', 'position_encoding/table', 'wide'])
    taken = jax.tree.map(lambda leaf: float(leaf.sum()), init.take(fresh, init.by_path(old), found.taken))
    assert taken == dict(up=2.0, new=0.0, wide=0.0, position_encoding=dict(table=0.0))
    assert found.sentences('there') == [
        'Weights of there: 1 of 3 parameters taken.',
        'Not taken, and drawn anew: new, wide (got (4,), wanted (5,)).',
        'Left there: gone, position_encoding/table, wide.',
    ]


def test_what_is_split_is_whole_again():
    params = dict(a=dict(x=1, y=2), b=dict(x=3), c=dict())
    for patterns, frozen in ((('*/x',), dict(a=dict(x=1), b=dict(x=3))), (('a/*',), dict(a=dict(x=1, y=2))), ((), {})):
        halves = init.split(params, lambda path, patterns=patterns: init.fits(path, patterns))
        assert halves[1] == frozen
        assert init.merged(*halves) == params


@pytest.fixture(scope='module')
def other_run(tmp_path_factory):
    """A finished run of seeds 0 and 1, whose token vectors were never trained."""
    folder = tmp_path_factory.mktemp('runs') / 'other'
    job = tiny(train__steps=CALL, init__freeze=(VECTORS,))
    run(folder, job)
    (folder / 'config.json').write_text(json.dumps(dict(seeds=[0, 1])))
    state = restored(folder, job, CALL)
    return folder, host(state.params), host(state.frozen)


def test_a_run_starts_from_the_weights_of_another_one(tmp_path, other_run):
    """A seed takes its own where it is there, and the first one otherwise."""
    folder, trained, frozen = other_run
    job = tiny(seeds=(1, 7), init__folder=str(folder))
    lines = run(tmp_path, job, stop=5)
    assert f'Weights of {folder}, step {CALL}: {len(trained) + 1} of {len(trained) + 1} parameters taken.' in lines
    state = job.fresh_state(Notes().note)
    assert set(host(state.params)) == {*trained, VECTORS}
    for path, leaf in host(state.params).items():
        wanted = np.broadcast_to(frozen[path], leaf.shape) if path == VECTORS else trained[path][[1, 0]]
        np.testing.assert_array_equal(leaf, wanted, err_msg=path)
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(state.opt_state))
    np.testing.assert_array_equal(state.step, 0)


def test_only_what_is_asked_for_is_taken_and_what_does_not_fit_is_said(other_run):
    folder, trained, _ = other_run
    job = tiny('learned', model__hidden=24, init__folder=str(folder), init__take=('block_0/*', 'position_encoding/*'))
    notes, fresh = Notes(), host(job.init_state().params)
    got = host(job.fresh_state(notes.note).params)
    # The table is learned's own, and the feed-forward layer is narrower.
    alone = {'block_0/up/kernel', 'block_0/down/kernel', 'position_encoding/table'}
    for path, leaf in got.items():
        wanted = trained[path] if path.startswith('block_0/') and path not in alone else fresh[path]
        np.testing.assert_array_equal(leaf, wanted, err_msg=path)
    first, missing, left = notes.lines
    assert first.startswith(f'Weights of {folder}, step {CALL}: ')
    assert missing.startswith('Not taken, and drawn anew: ') and 'position_encoding/table' in missing
    assert 'block_0/up/kernel (got (16, 32), wanted (16, 24))' in missing
    assert left.startswith('Left there: ') and 'norm/scale' in left


def test_weights_that_are_not_there_are_one_line(tmp_path, other_run):
    folder, *_ = other_run
    (tmp_path / 'damaged').mkdir()
    (tmp_path / 'damaged' / 'checkpoints').mkdir()
    (tmp_path / 'damaged' / 'config.json').write_text('{"seeds": [0]}')
    (tmp_path / 'unknown').mkdir()
    (tmp_path / 'unknown' / 'config.json').write_text('{"model_type": "mine"}')
    for path, message in (
        (tmp_path, 'wanted the folder of a run with checkpoints, or one in Hugging Face layout'),
        (tmp_path / 'damaged', 'got no good checkpoint, wanted at least one to start from'),
        (tmp_path / 'unknown', r'there is no model\.safetensors'),
    ):
        with pytest.raises(init.InitError, match=f'^config.init.folder: .*{message}') as error:
            tiny(init__folder=str(path)).fresh_state(Notes().note)
        assert '\n' not in str(error.value)
    wide = tiny(model__width=32, init__folder=str(folder), init__take=('block_0/*',))
    with pytest.raises(init.InitError, match=r'none of whose weights is one of config\.init\.take'):
        wide.fresh_state(Notes().note)


def test_weights_of_a_published_model_are_taken(tmp_path):
    about, _ = weights.golden('gpt2')
    folder = weights.write_folder(tmp_path / 'gpt2', about)
    published = host(pretrained.read_params(folder))
    fields = {name: pretrained.body_fields(folder)[name] for name in ('layers', 'width', 'heads', 'hidden')}
    job = tiny('rope', **{f'model__{name}': value for name, value in fields.items()}, init__folder=str(folder))
    notes = Notes()
    got = host(job.fresh_state(notes.note).params)
    alike = {path for path, leaf in published.items() if path in got and got[path].shape[1:] == leaf.shape}
    assert KERNEL in alike
    for path in alike:
        np.testing.assert_array_equal(got[path], np.stack([published[path]] * 2), err_msg=path)
    assert notes.lines[0] == f'Weights of {folder}: {len(alike)} of {len(got)} parameters taken.'
    assert notes.lines[-1].startswith('Left there: ')


@pytest.mark.parametrize('layers', ['block_0/*', 'input_layer/*'])
def test_what_is_frozen_is_there_once_and_never_moves(tmp_path, layers):
    job = tiny(init__freeze=(layers,))
    state = job.init_state()
    first, trained = host(state.frozen), host(state.params)
    whole = host(tiny().init_state().params)
    assert set(first) == {path for path in whole if path.startswith(layers[:-1])}
    assert set(first) | set(trained) == set(whole)
    for path, leaf in first.items():
        np.testing.assert_array_equal(leaf, whole[path][0], err_msg=path)
    moments = {path.partition('/mu/')[2] for path in host(state.opt_state) if '/mu/' in path}
    assert moments == set(trained)
    assert job.parameter_counts() == tiny().parameter_counts()

    run(tmp_path / 'whole', job)
    end = restored(tmp_path / 'whole', job, 10)
    for path, leaf in host(end.frozen).items():
        np.testing.assert_array_equal(leaf, first[path], err_msg=path)
    assert all((leaf != trained[path]).any() for path, leaf in host(end.params).items())
    run(tmp_path / 'stopped', job, stop=6)
    run(tmp_path / 'stopped', job)
    assert outcome(tmp_path / 'stopped', job) == outcome(tmp_path / 'whole', job)


def test_seeds_that_share_frozen_weights_take_all_of_one_seed(other_run):
    """Frozen weights of one seed beside trained ones of another would be a model that nobody trained."""
    folder, trained, frozen = other_run
    changes = dict(seeds=(1, 0), init__folder=str(folder), init__freeze=(KERNEL, VECTORS))
    with pytest.raises(
        init.InitError, match=rf'^config.init.seed: got None, wanted one of \(0, 1\), because {KERNEL} is'
    ):
        tiny(**changes).fresh_state(Notes().note)
    state = tiny(**changes, init__seed=1).fresh_state(Notes().note)
    got = host(state.frozen)
    np.testing.assert_array_equal(got[KERNEL], trained[KERNEL][1])
    np.testing.assert_array_equal(got[VECTORS], frozen[VECTORS])
    for path, leaf in host(state.params).items():
        np.testing.assert_array_equal(leaf, trained[path][[1, 1]], err_msg=path)


def test_frozen_weights_that_are_alike_leave_each_seed_its_own_trained_ones(other_run):
    folder, trained, frozen = other_run
    state = tiny(seeds=(1, 0), init__folder=str(folder), init__freeze=(VECTORS,)).fresh_state(Notes().note)
    np.testing.assert_array_equal(host(state.frozen)[VECTORS], frozen[VECTORS])
    np.testing.assert_array_equal(host(state.params)[KERNEL], trained[KERNEL][[1, 0]])


def test_a_seed_that_the_other_run_has_not_is_one_line(other_run):
    folder, *_ = other_run
    with pytest.raises(init.InitError, match=r'^config\.init\.seed: got 7, wanted one of \(0, 1\), as .* has it$'):
        tiny(init__folder=str(folder), init__seed=7).fresh_state(Notes().note)


def test_both_ways_to_compile_freeze_alike():
    ways = [
        small_job.losses(tiny(init__freeze=('input_layer/*',), **way))
        for way in (
            {},
            dict(parallel='pmap', mesh__data=2),
            dict(mesh__seed=2, mesh__model=2, mesh__data=2),
        )
    ]
    for way in ways[1:]:
        np.testing.assert_allclose(way, ways[0], rtol=2e-6)


def test_what_is_frozen_at_first_moves_after_exactly_that_many_steps(tmp_path):
    job = tiny(init__freeze_at_first=('block_0/*',), init__first_steps=CALL)
    first = host(job.init_state().params)
    run(tmp_path, job)
    held, end = (restored(tmp_path, job, at) for at in (CALL, 2 * CALL))
    for path, leaf in host(held.params).items():
        assert (leaf == first[path]).all() == path.startswith('block_0/'), path
    assert all((leaf != first[path]).any() for path, leaf in host(end.params).items())
    for path, leaf in host(held.opt_state).items():
        if '/mu/' in path or '/nu/' in path:
            assert leaf.any() != ('/block_0/' in path), path
    one_more = tiny(init__freeze_at_first=('block_0/*',), init__first_steps=CALL - 1)
    run(tmp_path / 'shorter', one_more, stop=6)
    got = host(restored(tmp_path / 'shorter', one_more, CALL).params)
    assert (got[KERNEL] != first[KERNEL]).any()


def test_nothing_is_held_by_an_optimizer_that_holds_nothing():
    job = tiny()
    assert not any(isinstance(leaf, optim.Held) for leaf in job.abstract_state.opt_state)


@pytest.mark.parametrize('knob', ['freeze', 'freeze_at_first', 'take'])
def test_a_pattern_of_nothing_is_one_line_that_names_a_near_one(knob):
    more = dict(init__first_steps=3) if knob == 'freeze_at_first' else {}
    job = tiny(**{f'init__{knob}': ('block_0/*', 'block_0/up/kernels')}, **more)
    with pytest.raises(ValueError, match=rf"^config.init.{knob}: got 'block_0/up/kernels', .* one is '{KERNEL}'$"):
        job.check()


def test_something_has_to_be_trained():
    with pytest.raises(ValueError, match=r'^config\.init\.freeze: got patterns of every parameter, wanted some'):
        tiny(init__freeze=('*',)).check()


def test_a_second_phase_goes_on_with_what_is_frozen():
    frozen = ('input_layer/*', 'position_encoding/*', '*/query/*')
    job = small_job.build('t5', second_phase__encoding__name='kerple_log', init__freeze=frozen, seeds=(0, 1))
    job.check()
    before = job.before.init_state()
    before = before._replace(frozen=jax.tree.map(lambda leaf: leaf + 1.0, before.frozen))
    old, after = host(before.frozen), job.take_over(before)
    new = host(after.frozen)
    kept = {path for path in old if 'position_encoding' not in path}
    assert kept and kept == {path for path in new if 'position_encoding' not in path} and kept != set(new) != set(old)
    for path in kept:
        np.testing.assert_array_equal(new[path], old[path], err_msg=path)
    assert jax.tree.structure(after) == jax.tree.structure(job.abstract_state)


@pytest.mark.parametrize('first, left', [(10, 0), (17, 2)])
def test_what_is_frozen_at_first_stays_so_into_a_second_phase(first, left):
    held = dict(init__freeze_at_first=('input_layer/*',), init__first_steps=first)
    job = small_job.build('drope', **held)
    state = job.init_state()
    for count in range(4):
        grads = jax.tree.map(lambda leaf: leaf[0] * 0 + 1.0, state.params)
        one = jax.tree.map(lambda leaf: leaf[0], (state.opt_state, state.params))
        updates, opt_state = job.optimizer.update(grads, *one)
        state = state._replace(opt_state=jax.tree.map(lambda leaf: leaf[None], opt_state))
        assert (np.asarray(updates['input_layer']['vectors']) == 0).all() == (count < left)


def test_the_arrays_of_another_run_are_those_of_its_newest_good_checkpoint(tmp_path, other_run):
    folder, trained, frozen = other_run
    step, leaves = checkpoint.read_arrays(folder / 'checkpoints')
    assert step == CALL
    found = init.read(folder)
    assert found.seeds == (0, 1)
    assert set(found.leaves) == {*trained, *frozen}
    for path, leaf in trained.items():
        np.testing.assert_array_equal(leaves[f'params/{path}'], leaf)
        assert leaves[f'params/{path}'].dtype == leaf.dtype
    with pytest.raises(checkpoint.CheckpointError, match='got no good checkpoint'):
        checkpoint.read_arrays(tmp_path)
