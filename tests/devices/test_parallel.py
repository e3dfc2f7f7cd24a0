"""A training step for devices that are not there: traced and lowered without a look at the machine that does it."""

import collections
import dataclasses
import re

import jax
import jax.numpy as jnp
import optax
import pytest
from jax.sharding import PartitionSpec as P

from posbench import encodings, positions
from posbench.devices import parallel
from posbench.models.style import LINEAR, Style
from posbench.tasks.text import language_model
from posbench.training import step
from tests.encodings import small

SEEDS, BATCH, LENGTH = 2, 4, 8
COLLECTIVE = re.compile(r'\b(all-reduce|all-gather|reduce-scatter|collective-permute|all-to-all)(?:-start)?\(')


def lowered(platform, devices, encoding='t5_bias', mode='jit', **mesh):
    """The StableHLO of a program of training steps for `platform`, on a mesh of devices that stand for its own."""
    seeds = 1 if mode == 'pmap' else SEEDS
    program, arguments, count = training(platform, devices, encoding, mode, seeds, **mesh)
    if mode == 'pmap':
        # Always for the platform of its devices.
        copies = jax.tree.map(lambda x: jax.ShapeDtypeStruct((len(devices), *x.shape), x.dtype), arguments)
        return program.lower(*copies, count).as_text()
    return program.trace(*arguments, count).lower(lowering_platforms=(platform,)).as_text()


def training(platform, devices, encoding, mode, seeds, **mesh):
    """A program of training steps, and the shapes of what it is given."""
    layout = parallel.layout(mode, seeds=seeds, batch_size=BATCH, devices=devices, **mesh)
    model = small.model(encodings.build(encoding), kernel='auto', platform=platform)
    optimizer, position_map = optax.adamw(1e-3), positions.build('sequential')
    task = language_model.Task(jnp.zeros(100, jnp.int32))

    def init(seed):
        batch = task.sample(jax.random.key(0), BATCH, LENGTH)
        batch = step.with_positions(batch, position_map, jax.random.key(0), train=True)
        return step.init_state(model, optimizer, seed, batch)

    state = jax.eval_shape(jax.vmap(init), jnp.arange(seeds, dtype=jnp.int32))
    steps = step.make_steps(model, optimizer, position_map, batch_size=BATCH, length=LENGTH, most=2)
    program = parallel.compile_steps(steps, layout, state, state_spec=step.STATE_SPEC, feed_spec=step.FEED_SPEC)
    return program, (state, step.Feed(task)), jax.ShapeDtypeStruct((), jnp.int32)


@pytest.fixture
def devices(monkeypatch):
    """Four devices; from here on nobody may ask for others."""
    four = jax.devices()[:4]

    def ask(*_, **__):
        raise AssertionError('the machine was asked what it is')

    for name in ('default_backend', 'devices', 'local_devices', 'device_count', 'local_device_count'):
        monkeypatch.setattr(jax, name, ask)
    return four


@pytest.mark.parametrize('name', ['rotary', 't5_bias', 'chain'])
@pytest.mark.parametrize('platform', ['tpu', 'cuda'])
def test_a_training_step_is_lowered_for_another_platform(platform, name, devices):
    assert 'optimization_barrier' not in lowered(platform, devices, name)


@pytest.mark.parametrize('mode', ['jit', 'pmap'])
def test_on_a_cpu_it_is_what_suits_a_cpu(mode, devices):
    assert 'optimization_barrier' in lowered('cpu', devices, mode=mode)


def test_a_mesh_is_made_of_the_devices_that_it_is_given(devices):
    layout = parallel.layout('jit', seeds=SEEDS, batch_size=BATCH, devices=devices[1:3], model=2)
    assert list(layout.mesh.devices.flat) == devices[1:3]
    assert layout.platform == 'cpu'
    with pytest.raises(parallel.MeshError, match='wanted a divisor of the 3 devices'):
        parallel.layout('jit', seeds=SEEDS, batch_size=BATCH, devices=devices[:3], model=2)


def test_the_model_axis_splits_all_of_a_gated_layer_with_biases(devices):
    """Its averages as well; what belongs to an encoding or to the residual stream is on every device."""
    style = Style(gated=True, biased=LINEAR)
    model = small.model(encodings.build('learned'), style=style)
    layout = parallel.layout('jit', seeds=1, batch_size=BATCH, devices=devices, model=2)
    tokens = small.tokens(1, 2), small.positions(1, 2)
    params = jax.eval_shape(
        jax.vmap(lambda rng: model.init(rng, *tokens)['params']), jax.random.split(jax.random.key(0), 1)
    )
    state = step.State(jnp.zeros(1), jnp.zeros(1), params, optax.adam(1.0).init(params))
    shardings = layout.of_state(state)
    block = {
        f'{name}/{kind}': sharding.spec
        for name, module in shardings.params['block_0'].items()
        for kind, sharding in module.items()
    }
    split = {path: spec for path, spec in block.items() if 'model' in spec}
    assert split == {
        **{f'{name}/kernel': P('seed', None, 'model', None) for name in ('query', 'key', 'value')},
        **{f'{name}/bias': P('seed', 'model', None) for name in ('query', 'key', 'value')},
        **{f'{name}/kernel': P('seed', None, 'model') for name in ('gate', 'up')},
        **{f'{name}/bias': P('seed', 'model') for name in ('gate', 'up')},
        'out/kernel': P('seed', 'model', None, None),
        'down/kernel': P('seed', 'model', None),
    }
    assert shardings.opt_state[0].mu == shardings.params
    assert shardings.params['position_encoding']['table'].spec == P('seed', None, None)
    assert shardings.step.spec == P('seed')


def collectives(devices, seeds, **mesh) -> collections.Counter:
    """How often each kind of them stands in the compiled program."""
    program, arguments, count = training('cpu', devices, 'rotary', 'jit', seeds, **mesh)
    return collections.Counter(COLLECTIVE.findall(program.lower(*arguments, count).compile().as_text()))


def test_seeds_on_devices_of_their_own_say_nothing_to_each_other():
    assert collectives(jax.devices()[:4], 4) == {}
    assert collectives(jax.devices()[:4], 2, seed=2)['all-reduce'] > 0


def test_parameters_that_are_split_are_gathered_and_their_gradients_scattered_and_no_more_is_sent():
    """But for sums of numbers and of vectors."""
    devices, wide = jax.devices()[:4], parallel.layout('jit', seeds=1, batch_size=BATCH, devices=jax.devices()[:4])
    program, arguments, count = training('cpu', devices, 'rotary', 'jit', 1, shard_parameters=True)
    text = program.lower(*arguments, count).compile().as_text()
    split = dataclasses.replace(wide, shard_parameters=True).of_state(arguments[0]).params
    matrices = sum('data' in sharding.spec for sharding in jax.tree.leaves(split))
    found = collections.Counter(COLLECTIVE.findall(text))
    assert matrices == 13 and found.keys() <= {'all-gather', 'reduce-scatter', 'all-reduce'}
    assert found['reduce-scatter'] == matrices and matrices <= found['all-gather'] <= 2 * matrices
    summed = re.findall(r'= (?:\()?(f32\[[\d,]*\]\S*) all-reduce', text)
    assert all(shape.count(',') <= 2 for shape in summed), summed


def test_a_device_has_its_part_of_matrices_and_of_their_averages_and_all_of_vectors(devices):
    layout = parallel.layout('jit', seeds=1, batch_size=BATCH, devices=devices, shard_parameters=True)

    def arrays(**shapes):
        return {path: jax.ShapeDtypeStruct((1, *shape), jnp.float32) for path, shape in shapes.items()}

    # The last of them cannot be split in four.
    params = {
        'block_0': {
            'up': arrays(kernel=(8, 32)),
            'attention_norm': arrays(scale=(8,)),
            'out': arrays(kernel=(4, 2, 12)),
        },
        'blocks': {'key': arrays(kernel=(16, 8, 4, 2)), 'attention_norm': arrays(scale=(16, 8))},
        'input_layer': arrays(vectors=(12, 8)),
        'logits': arrays(kernel=(7, 9)),
    }
    one = jax.ShapeDtypeStruct((1,), jnp.int32)
    found = layout.of_state(step.State(one, one, params, {'mu': params}))
    assert jax.tree.map(lambda sharding: sharding.spec, found.params) == {
        'block_0': {
            'up': {'kernel': P('seed', 'data', 'model')},
            'attention_norm': {'scale': P('seed', None)},
            'out': {'kernel': P('seed', 'model', None, 'data')},
        },
        # Of a scan every device has every layer.
        'blocks': {
            'key': {'kernel': P('seed', None, 'data', 'model', None)},
            'attention_norm': {'scale': P('seed', None, None)},
        },
        'input_layer': {'vectors': P('seed', 'data', None)},
        'logits': {'kernel': P('seed', None, None)},
    }
    assert found.opt_state['mu'] == found.params
