"""Operations of a traced program, counted by hand beside it."""

import functools

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec as P

from posbench.devices import flops, live

A, B = jax.ShapeDtypeStruct((3, 5), jnp.float32), jax.ShapeDtypeStruct((5, 7), jnp.float32)
PRODUCT = 2 * 3 * 5 * 7


def count(f, *shapes):
    return flops.of(jax.jit(f).trace(*shapes).jaxpr)


def test_a_product_has_two_for_each_term_and_its_gradient_twice_as_many():
    assert count(jnp.matmul, A, B) == PRODUCT
    assert count(jax.value_and_grad(lambda a, b: (a @ b).sum(), argnums=(0, 1)), A, B) == 3 * PRODUCT
    assert count(lambda a: jnp.sin(a) + a, A) == 0


def test_what_is_computed_again_in_a_backward_pass_counts_again():
    @jax.checkpoint
    def block(a, b):
        return jnp.sin(a @ b)

    plain = count(jax.grad(lambda a, b: jnp.sin(jnp.sin(a @ b)).sum(), argnums=(0, 1)), A, B)
    assert plain == 3 * PRODUCT
    assert count(jax.grad(lambda a, b: jnp.sin(block(a, b)).sum(), argnums=(0, 1)), A, B) == 4 * PRODUCT


def test_a_batch_and_a_convolution():
    batched = jax.ShapeDtypeStruct((4, 3, 5), jnp.float32)
    assert count(lambda a, b: jnp.einsum('nij,jk->nik', a, b), batched, B) == 4 * PRODUCT
    signal, kernel = jax.ShapeDtypeStruct((2, 6, 10), jnp.float32), jax.ShapeDtypeStruct((4, 6, 3), jnp.float32)
    convolved = functools.partial(jax.lax.conv_general_dilated, window_strides=(1,), padding='VALID')
    assert count(convolved, signal, kernel) == 2 * (2 * 4 * 8) * (6 * 3)


def test_loops_count_their_turns_and_of_branches_one_is_taken():
    def turns(a, b):
        return jax.lax.scan(lambda c, _: (c + (a @ b).sum(), None), 0.0, None, length=11)[0]

    assert count(turns, A, B) == 11 * PRODUCT
    assert count(lambda a, b: jax.lax.fori_loop(0, 4, lambda _, c: c + (a @ b).sum(), 0.0), A, B) == 4 * PRODUCT
    n = jax.ShapeDtypeStruct((), jnp.int32)
    # Nobody knows how often: once, as one step of a call.
    assert count(lambda n, a, b: jax.lax.fori_loop(0, n, lambda _, c: c + (a @ b).sum(), 0.0), n, A, B) == PRODUCT
    either = jax.jit(lambda n, a, b: jax.lax.cond(n > 0, lambda: a @ b, lambda: jnp.zeros((3, 7))))
    assert count(either, n, A, B) == PRODUCT


@pytest.mark.parametrize('parts', [1, 2])
def test_all_devices_of_a_mesh_count(parts):
    mesh = jax.make_mesh((parts,), ('data',), devices=jax.devices()[:parts], axis_types=(jax.sharding.AxisType.Auto,))
    rows = jax.ShapeDtypeStruct((3 * 2, 5), jnp.float32)
    split = jax.shard_map(jnp.matmul, mesh=mesh, in_specs=(P('data'), P()), out_specs=P('data'), check_vma=False)
    assert count(split, rows, B) == 2 * PRODUCT


def peak(f, *shapes):
    return live.peak(jax.jit(f).trace(*shapes).jaxpr)


def test_what_is_live_at_once_is_what_is_made_and_still_read():
    x = jax.ShapeDtypeStruct((100,), jnp.float32)
    # One is made of the other, and at no time are there three.
    assert peak(lambda x: jnp.sin(jnp.sin(jnp.sin(jnp.sin(x)))), x) == 800
    # All four wait for the last sum.
    assert peak(lambda x: sum([jnp.sin(x * k) for k in (1.0, 2.0, 3.0, 4.0)]), x) >= 1600


def test_what_is_live_inside_of_a_loop_is_there_beside_what_is_outside():
    x = jax.ShapeDtypeStruct((100,), jnp.float32)

    def wide(x):
        kept = jnp.sin(x)
        inside = jax.lax.scan(lambda c, _: (c + (jnp.outer(x, x) @ x), None), x, None, length=3)[0]
        return kept + inside

    assert 40_000 < peak(wide, x) < 45_000


def test_what_is_live_on_a_part_of_a_mesh_is_so_on_each():
    mesh = jax.make_mesh((2,), ('data',), devices=jax.devices()[:2], axis_types=(jax.sharding.AxisType.Auto,))

    def wide(x):
        return jnp.outer(x, jnp.ones(100)).sum(axis=1)

    split = jax.shard_map(wide, mesh=mesh, in_specs=P('data'), out_specs=P('data'), check_vma=False)
    x = jax.ShapeDtypeStruct((100,), jnp.float32)
    # 50 x 100 on each of the two, beside what is small.
    assert 40_000 <= peak(split, x) < 45_000
