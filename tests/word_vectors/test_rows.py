"""Sparse updates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench.word_vectors import base, rows
from tests import programs
from tests.word_vectors import small


def test_sorting_first_gives_the_same_sums_as_adding_in_order():
    rng = np.random.default_rng(0)
    table, ids = rng.normal(size=(9, 4)).astype(np.float32), rng.integers(0, 7, 100).astype(np.int32)
    added = rng.normal(size=(100, 4)).astype(np.float32)
    wanted = table.astype(np.float64)
    np.add.at(wanted, ids, added)
    for way in (rows._in_order, rows._sorted):
        got = np.asarray(jax.jit(way)(table, ids, added))
        np.testing.assert_allclose(got, wanted, atol=1e-5)
        np.testing.assert_array_equal(got[7:], table[7:])
    np.testing.assert_allclose(jax.jit(rows._sorted)(table[:, 0], ids, added[:, 0]), wanted[:, 0], atol=1e-5)


@pytest.mark.parametrize('name', ['skipgram', 'cbow'])
def test_a_step_makes_nothing_of_the_size_of_a_table_but_tables(name):
    """With more words than a step reads, all that it makes of [V, D] is a table with rows added to it."""
    trainer = small.build(name, words_per_step=8, block=8)
    prepared = trainer.prepare(small.text())
    state = trainer.init(prepared, jnp.int32(1))

    def update(params, opt_state, prepared):
        batch = trainer.batch(prepared, jnp.int32(1), jnp.int32(0), 10)
        return trainer.update(params, opt_state, prepared, batch, 0.05, base.Over())

    made = {
        equation.primitive.name
        for equation in programs.equations(jax.make_jaxpr(update)(*state, prepared).jaxpr)
        for out in equation.outvars
        if out.aval.shape == state[0]['input'].shape
    }
    # On other platforms than a CPU another scatter adds rows that were sorted before.
    assert 'scatter-add' in made and made <= {'scatter-add', 'platform_index', 'cond', 'jit', 'pjit'}, made
