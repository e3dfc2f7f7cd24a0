"""The training step: the same numbers on any devices, compiled either way, seeds together or apart, any data path."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from ml_collections import ConfigDict

from posbench import encodings, positions
from posbench.devices import parallel
from posbench.models.transformer import Transformer
from posbench.positions import documents
from posbench.tasks.text import language_model
from posbench.training import optim, step

BATCH, LENGTH, STEPS, VOCABULARY = 8, 12, 6, 30
OPTIMIZER = ConfigDict(
    dict(
        learning_rate=1e-2,
        warmup_steps=2,
        schedule='cosine',
        final_fraction=0.1,
        b1=0.9,
        b2=0.98,
        eps=1e-8,
        weight_decay=0.1,
        clip_norm=1.0,
    )
)
TOKENS = np.random.default_rng(0).integers(0, VOCABULARY, 500).astype(np.int32)


ALONE = dict(seed=1, data=1)


def losses(
    seeds=(0,), mode='jit', mesh=ALONE, host=False, end=None, position_map='sequential', calls=(STEPS,), **model
) -> np.ndarray:
    """Losses [S, STEPS] of a small run."""
    fields = dict(vocabulary=VOCABULARY, encoding=encodings.build('rotary'), layers=1, width=16, heads=2, hidden=32)
    built = Transformer(**(fields | model))
    optimizer = optim.from_config(OPTIMIZER, STEPS)
    layout = parallel.layout(mode, seeds=len(seeds), batch_size=BATCH, **mesh)
    steps = step.make_steps(
        built, optimizer, positions.build(position_map), batch_size=BATCH, length=LENGTH, most=STEPS
    )
    init = functools.partial(step.init_state, built, optimizer, length=LENGTH)
    state = jax.jit(jax.vmap(lambda seed: init(seed=seed)))(jnp.asarray(seeds, jnp.int32))
    compiled = parallel.compile_steps(steps, layout, jax.eval_shape(lambda: state), step.SOURCE_SPEC)
    state = parallel.place_state(state, layout)
    found, at = [], 0
    for count in calls:
        if host:
            windows = step.host_windows(language_model.Task(TOKENS, end), seeds, at, STEPS, BATCH, LENGTH)
            source = step.Source(language_model.Task(np.zeros(1, np.int32), end), windows)
        else:
            source = step.Source(language_model.Task(TOKENS, end))
        state, metrics = compiled(state, parallel.place(source, layout), jnp.int32(count))
        found.append(parallel.numbers(metrics, layout)['loss'][:, :count])
        at += count
    return np.concatenate(found, axis=1)


@pytest.fixture(scope='module')
def one_device():
    return losses()


@pytest.fixture(scope='module')
def second_seed():
    return losses(seeds=(1,))


def test_the_loss_falls(one_device):
    assert one_device[0, -1] < one_device[0, 0] - 0.1


@pytest.mark.parametrize(
    'mode, mesh',
    [
        ('jit', dict(data=2)),
        ('jit', dict(data=8)),
        ('jit', dict(model=2)),
        ('jit', dict(model=2, data=2)),
        ('pmap', dict(data=1)),
        ('pmap', dict(data=8)),
    ],
)
def test_devices_and_compilers_change_no_loss(one_device, mode, mesh):
    np.testing.assert_allclose(losses(mode=mode, mesh=mesh), one_device, rtol=2e-6)


@pytest.mark.parametrize(
    'mode, mesh', [('jit', ALONE), ('jit', dict(seed=3, data=1)), ('jit', dict(seed=3, data=2)), ('pmap', {})]
)
def test_seeds_together_are_seeds_apart(one_device, second_seed, mode, mesh):
    together = losses(seeds=(0, 1, 2), mode=mode, mesh=mesh)
    np.testing.assert_allclose(together[:2], np.concatenate([one_device, second_seed]), rtol=2e-6)
    assert np.abs(together[0] - together[1]).max() > 1e-3


@pytest.mark.parametrize('position_map', ['randomized', 'shifted'])
def test_dropout_and_drawn_positions_do_not_depend_on_devices(one_device, position_map):
    alone = losses(dropout=0.3, position_map=position_map)
    for mode in ('jit', 'pmap'):
        split = losses(mode=mode, mesh=dict(data=8), dropout=0.3, position_map=position_map)
        np.testing.assert_allclose(split, alone, rtol=2e-6)
    assert np.abs(alone - one_device).max() > 1e-3


def test_windows_cut_on_the_host_are_those_of_the_device(one_device):
    np.testing.assert_array_equal(losses(host=True), one_device)
    np.testing.assert_array_equal(losses(host=True, calls=(4, 2)), one_device)
    np.testing.assert_allclose(losses(host=True, mode='pmap', mesh={}), one_device, rtol=2e-6)
    seeds_apart = dict(seeds=(0, 1), mesh=dict(seed=2, data=2))
    np.testing.assert_array_equal(losses(host=True, **seeds_apart), losses(**seeds_apart))


def test_shorter_calls_give_the_same_bits(one_device):
    np.testing.assert_array_equal(losses(calls=(1, 3, 2)), one_device)


def test_documents_can_be_kept_apart():
    end = 3
    batch = language_model.as_batch(jnp.asarray([[1, 2, 3, 4, 5, 3, 6, 7]]), end)
    np.testing.assert_array_equal(batch['segment_ids_BL'], [[0, 0, 0, 1, 1, 1, 2]])
    np.testing.assert_array_equal(batch['weights_BL'], [[1, 1, 0, 1, 1, 0, 1]])
    drawn = jnp.arange(7)[None] * 10
    np.testing.assert_array_equal(documents.restart(drawn, batch['segment_ids_BL']), [[0, 10, 20, 0, 10, 20, 0]])
    np.testing.assert_allclose(losses(end=end, mode='pmap', mesh={}), losses(end=end), rtol=2e-6)


@pytest.mark.parametrize('same_encoding', [True, False])
def test_another_phase_goes_on_with_the_weights_and_with_the_same_encoding_only(same_encoding):
    old = dict(up=jnp.ones(2), gone=jnp.ones(1), position_encoding=dict(table=jnp.ones(3)))
    fresh = dict(up=jnp.zeros(2), new=jnp.zeros(1), position_encoding=dict(table=jnp.zeros(3)))
    state = step.State(jnp.int32(7), jnp.int32(3), old, optax.adam(1.0).init(old)[0]._replace(count=jnp.int32(7)))
    optimizer = optax.adam(1.0)
    taken = step.take_over(state, fresh, optimizer=optimizer, same_encoding=same_encoding)
    assert (int(taken.step), int(taken.seed), int(taken.opt_state[0].count)) == (7, 3, 0)
    sums = jax.tree.map(lambda leaf: float(leaf.sum()), taken.params)
    assert sums == dict(up=2.0, new=0.0, position_encoding=dict(table=3.0 if same_encoding else 0.0))
    assert step.left_behind(old, fresh) == ['gone']


def test_weight_decay_leaves_gains_and_encodings_alone():
    params = dict(
        input_layer=dict(vectors=1),
        position_encoding=dict(table=1),
        block_0=dict(norm=dict(scale=1), up=dict(kernel=1)),
    )
    assert optim.is_matrix(params) == dict(
        input_layer=dict(vectors=True),
        position_encoding=dict(table=False),
        block_0=dict(norm=dict(scale=False), up=dict(kernel=True)),
    )


def test_the_learning_rate_rises_and_falls():
    rate = optim.learning_rate(OPTIMIZER, STEPS)
    assert rate(0) == pytest.approx(5e-3)
    assert rate(1) == pytest.approx(1e-2)
    assert rate(STEPS - 1) == pytest.approx(1e-3, rel=1e-3)


@pytest.mark.parametrize(
    'mesh, message',
    [
        (dict(seed=2), 'seed to divide the 1 seeds'),
        (dict(data=3), 'data to divide the batch of 8'),
        (dict(model=3), 'wanted a divisor of the 8 devices'),
    ],
)
def test_a_mesh_that_does_not_fit_is_one_line(mesh, message):
    with pytest.raises(parallel.MeshError, match=message) as error:
        parallel.layout('jit', seeds=1, batch_size=BATCH, **mesh)
    assert '\n' not in str(error.value)
