"""The training step: the same numbers on any devices, compiled either way, seeds together or apart, any data path."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from posbench import bodies, encodings, positions
from posbench.devices import parallel
from posbench.heads import classify
from posbench.inputs import vectors
from posbench.models import build
from posbench.positions import documents
from posbench.tasks.image import digits
from posbench.tasks.sequence import reverse
from posbench.tasks.text import language_model
from posbench.training import optim, step
from tests import small_job

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
FIELDS = dict(layers=1, width=16, heads=2, hidden=32)
TEXT = language_model.Task(TOKENS)


def language_model_of(task, **fields):
    """A decoder of one layer, or another body by its name."""
    fields = dict(encoding=encodings.build('rotary')) | FIELDS | fields
    return build.language_model(vocabulary=VOCABULARY if task is TEXT else task.vocabulary, **fields)


def classifier(task, **fields):
    """An encoder of patches whose states' mean says a class."""
    body = bodies.build('encoder', **(dict(encoding=encodings.build('rope_axial')) | FIELDS | fields))
    parts = dict(input_layer=vectors.Input(), body=body, head=classify.Head())
    return build.assemble(**parts, vocabulary=None, classes=task.classes)


@functools.cache
def first_state(model, position_map, seeds, shapes) -> step.State:
    """Of all seeds, as NumPy arrays: compiled once for all that ask."""

    def first(seed):
        zeros = {name: jnp.zeros(shape, dtype) for name, shape, dtype in shapes}
        example = step.with_positions(zeros, position_map, jax.random.key(0), train=True)
        return step.init_state(model, optim.from_config(OPTIMIZER, STEPS), seed, example)

    return jax.device_get(jax.jit(jax.vmap(first))(jnp.asarray(seeds, jnp.int32)))


def losses(
    seeds=(0,),
    mode='jit',
    mesh=ALONE,
    task=TEXT,
    model=None,
    length=LENGTH,
    position_map='sequential',
    calls=(STEPS,),
    **fields,
) -> np.ndarray:
    """Losses [S, STEPS] of a small run."""
    model, position_map = model or language_model_of(TEXT, **fields), positions.build(position_map)
    optimizer = optim.from_config(OPTIMIZER, STEPS)
    layout = parallel.layout(mode, seeds=len(seeds), batch_size=BATCH, **mesh)
    steps = step.make_steps(model, optimizer, position_map, batch_size=BATCH, length=length, most=STEPS)

    shapes = jax.eval_shape(lambda task: task.sample(jax.random.key(0), 1, length), task)
    state = first_state(model, position_map, seeds, tuple((name, one.shape, one.dtype) for name, one in shapes.items()))
    specs = dict(state_spec=step.STATE_SPEC, feed_spec=step.FEED_SPEC)
    compiled = parallel.compile_steps(steps, layout, jax.eval_shape(lambda: state), **specs)
    state = parallel.place_state(state, layout)
    found, at = [], 0
    for count in calls:
        parts = step.host_parts(task, seeds, at, STEPS, BATCH, length, layout) if task.from_host else None
        feed = step.Feed(parallel.place(task.without_host_data(), layout), parts)
        state, metrics = compiled(state, feed, jnp.int32(count))
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
        # Like those with more devices.
        pytest.param('jit', dict(data=2), marks=pytest.mark.everything),
        ('jit', dict(data=8)),
        ('jit', dict(model=2)),
        pytest.param('jit', dict(model=2, data=2), marks=pytest.mark.everything),
        ('jit', dict(data=4, shard_parameters=True)),
        ('jit', dict(data=2, sequence=2, model=2, shard_parameters=True)),
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


PIXELS = np.random.default_rng(1).random((30, 6, 6)).astype(np.float32)
# Rare classes: what is learned in a few steps is that they are rare.
LABELS = np.where(np.arange(30) % 6, 0, np.arange(30) % 4).astype(np.int32)
REVERSE, DIGITS = reverse.Task(symbols=6), digits.Task({'train': PIXELS}, {'train': LABELS}, tuple('abcd'))
KINDS = dict(
    encoder_decoder=dict(task=REVERSE, model=language_model_of(REVERSE, name='encoder_decoder'), length=5),
    classes_of_patches=dict(task=DIGITS, model=classifier(DIGITS, dropout=0.2), length=9, position_map='grid'),
)


@pytest.mark.parametrize('kind', KINDS)
def test_devices_and_compilers_change_no_loss_of_any_kind_of_task(kind):
    alone = losses(**KINDS[kind])
    assert alone[0, -1] < alone[0, 0] - 0.02
    for mode in ('jit', 'pmap'):
        split = losses(**KINDS[kind], mode=mode, mesh=dict(data=8))
        np.testing.assert_allclose(split, alone, rtol=2e-6, err_msg=mode)
    seeds = losses(**KINDS[kind], seeds=(0, 1), mesh=dict(seed=2, data=2, shard_parameters=True))
    np.testing.assert_allclose(seeds[:1], alone, rtol=2e-6)
    assert np.abs(seeds[0] - seeds[1]).max() > 1e-3


def test_windows_cut_on_the_host_are_those_of_the_device(one_device):
    host = TEXT.replace(on_device=False)
    np.testing.assert_array_equal(losses(task=host), one_device)
    np.testing.assert_array_equal(losses(task=host, calls=(4, 2)), one_device)
    np.testing.assert_allclose(losses(task=host, mode='pmap', mesh={}), one_device, rtol=2e-6)
    seeds_apart = dict(seeds=(0, 1), mesh=dict(seed=2, data=2))
    np.testing.assert_array_equal(losses(task=host, **seeds_apart), losses(**seeds_apart))


def test_shorter_calls_give_the_same_bits(one_device):
    np.testing.assert_array_equal(losses(calls=(1, 3, 2)), one_device)


def test_documents_can_be_kept_apart():
    text = dataclasses.replace(small_job.text(), end_of_document=3)
    apart = TEXT.replace(text=text, separate_documents=True)
    batch = apart.batch_of(jnp.asarray([[1, 2, 3, 4, 5, 3, 6, 7]]))
    np.testing.assert_array_equal(batch['segment_ids_BL'], [[0, 0, 0, 1, 1, 1, 2]])
    np.testing.assert_array_equal(batch['weights_BL'], [[1, 1, 0, 1, 1, 0, 1]])
    drawn = jnp.arange(7)[None] * 10
    np.testing.assert_array_equal(documents.restart(drawn, batch['segment_ids_BL']), [[0, 10, 20, 0, 10, 20, 0]])
    np.testing.assert_allclose(losses(task=apart, mode='pmap', mesh={}), losses(task=apart), rtol=2e-6)


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
        (dict(model=2, sequence=3), 'config.mesh.sequence: got 3, wanted a divisor of the 4 devices'),
        (dict(data=2, sequence=8), 'got seed=1, data=2, model=1, sequence=8 on 8 devices'),
    ],
)
def test_a_mesh_that_does_not_fit_is_one_line(mesh, message):
    with pytest.raises(parallel.MeshError, match=message) as error:
        parallel.layout('jit', seeds=1, batch_size=BATCH, **mesh)
    assert '\n' not in str(error.value)
