"""What is done in one way on a CPU and in another one elsewhere: chosen when a program is lowered, and no sooner."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

from posbench.encodings.parts import distance_bias
from posbench.ops import broadcast, linear
from tests.gradients import draw

LENGTH = 7


def loss(w, x, bias):
    """Of everything whose gradient goes by the platform."""
    h = jnp.tanh(linear.dot_general(x, w, (((1,), (0,)), ((), ()))))
    spread = broadcast.spread(bias, (4, *bias.shape[1:])) * h.sum()
    ways = distance_bias.toeplitz(jnp.broadcast_to(w[:2, :1], (2, 2 * LENGTH - 1)), LENGTH)
    return (h**2).sum() + jnp.square(spread).sum() + (ways * jnp.cos(jnp.arange(LENGTH))).sum()


gradient = jax.grad(loss, argnums=(0, 1, 2))
ARGUMENTS = draw(5, 6), draw(8, 5, seed=1), draw(1, 3, LENGTH, LENGTH, seed=2)


def shard_mapped():
    mesh = jax.make_mesh((2,), ('data',), devices=jax.devices()[:2], axis_types=(jax.sharding.AxisType.Auto,))
    specs = dict(in_specs=(P(), P('data'), P()), out_specs=P(), check_vma=False)
    return jax.jit(jax.shard_map(lambda *a: jax.lax.psum(gradient(*a), 'data'), mesh=mesh, **specs))


def programs():
    w, x, bias = ARGUMENTS
    seeds = jnp.stack([w, 2 * w])
    halves = x.reshape(2, 4, 5)
    mapped = jax.pmap(lambda *a: jax.lax.psum(gradient(*a), 'data'), axis_name='data', in_axes=(None, 0, None))
    return {
        'jit': (jax.jit(gradient), ARGUMENTS),
        'vmap': (jax.jit(jax.vmap(gradient, in_axes=(0, None, None))), (seeds, x, bias)),
        'remat': (jax.jit(jax.grad(jax.checkpoint(loss), argnums=(0, 1, 2))), ARGUMENTS),
        'loop': (jax.jit(lambda *a: jax.lax.fori_loop(0, 3, lambda _, w: w - gradient(w, *a[1:])[0], a[0])), ARGUMENTS),
        'shard_map': (shard_mapped(), ARGUMENTS),
        'pmap': (mapped, (w, halves, bias)),
    }


@pytest.mark.parametrize('name', programs())
def test_no_condition_is_left_in_a_compiled_program(name):
    program, arguments = programs()[name]
    lowered = program.lower(*arguments)
    assert 'optimization_barrier' in lowered.as_text()
    assert 'conditional' not in lowered.compile().as_text()


@pytest.mark.parametrize('platform', ['tpu', 'cuda'])
def test_other_platforms_get_their_own_way_without_being_there(platform, monkeypatch):
    monkeypatch.setattr(jax, 'default_backend', None)
    texts = {
        each: jax.jit(gradient).trace(*ARGUMENTS).lower(lowering_platforms=(each,)).as_text()
        for each in (platform, 'cpu')
    }
    assert 'optimization_barrier' in texts['cpu'] and 'stablehlo.while' in texts['cpu']
    assert 'optimization_barrier' not in texts[platform] and 'stablehlo.while' not in texts[platform]


@pytest.mark.parametrize('rows, keys', [(1, 5), (7, 7), (40, 33)])
def test_sums_along_diagonals_are_the_same_in_both_ways(rows, keys):
    x_HLM = draw(2, rows, keys)
    wanted_HN = [[np.trace(x_LM, at) for at in range(1 - rows, keys)] for x_LM in np.asarray(x_HLM)]
    got = distance_bias.along_diagonals(x_HLM), distance_bias._last_diagonals(x_HLM, rows + keys - 1)
    for got_HN in got:
        np.testing.assert_allclose(got_HN, wanted_HN, rtol=1e-5, atol=1e-5)
