"""Next-token prediction: windows of a text, the same for everybody."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import tasks
from posbench.positions import documents
from posbench.tasks.text import language_model

TEXT = np.random.default_rng(0).integers(0, 20, 50).astype(np.int32)
END = 3


def test_every_task_has_a_name_and_is_built_by_it():
    assert 'text/language_model' in tasks.names()
    assert isinstance(tasks.build('text/language_model', tokens_N=TEXT), language_model.Task)
    for name in tasks.names():
        module = inspect.getmodule(tasks.build(name, tokens_N=TEXT))
        assert module.__name__ == 'posbench.tasks.' + name.replace('/', '.')


def test_an_unknown_task_names_the_nearest():
    with pytest.raises(ValueError, match=r"'text/languag_model'; did you mean 'text/language_model'\?"):
        tasks.build('text/languag_model')


def test_targets_are_the_inputs_one_place_on_and_both_stand_in_the_text():
    task = language_model.Task(jnp.asarray(TEXT))
    key = jax.random.key(1)
    batch, start_B = task.sample(key, 30, 8), np.asarray(task.starts(key, 30, 8))
    for row, start in enumerate(start_B):
        np.testing.assert_array_equal(batch['inputs_BL'][row], TEXT[start : start + 8])
        np.testing.assert_array_equal(batch['targets_BL'][row], TEXT[start + 1 : start + 9])
    assert batch['weights_BL'].dtype == jnp.float32
    assert batch['weights_BL'].shape == (30, 8)
    assert (batch['weights_BL'] == 1).all()
    assert 'segment_ids_BL' not in batch


def test_windows_start_at_every_place_where_one_fits_and_nowhere_else():
    start_B = np.asarray(language_model.Task(jnp.asarray(TEXT)).starts(jax.random.key(0), 2000, 40))
    assert set(start_B) == set(range(10)), 'the last window has its last target at the last token'


def test_a_batch_is_a_function_of_its_key():
    task = language_model.Task(jnp.asarray(TEXT))
    first, again, other = (np.asarray(task.sample(jax.random.key(k), 4, 8)['inputs_BL']) for k in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_documents_end_after_their_mark_and_start_anew():
    window_BL = jnp.asarray([[END, 1, 2, END, END, 5, 6], [1, 1, 1, 1, 1, 1, END]])
    batch = language_model.as_batch(window_BL, END)
    np.testing.assert_array_equal(batch['segment_ids_BL'], [[0, 1, 1, 1, 2, 3], [0] * 6])
    # What follows the end of a document is not scored; the end itself is, as a target.
    np.testing.assert_array_equal(batch['weights_BL'], [[0, 1, 1, 0, 0, 1], [1] * 6])
    assert batch['segment_ids_BL'].dtype == jnp.int32


def test_positions_restart_with_each_document():
    segment_ids_BL = jnp.asarray([[0, 1, 1, 1, 2, 3], [0] * 6])
    one_for_all = jnp.asarray([[2, 5, 7, 8, 11, 12]])
    np.testing.assert_array_equal(
        documents.restart(one_for_all, segment_ids_BL), [[2, 2, 5, 7, 2, 2], [2, 5, 7, 8, 11, 12]]
    )
    own = jnp.asarray([[0, 1, 2, 3, 4, 5], [9, 10, 11, 12, 13, 14]])
    np.testing.assert_array_equal(documents.restart(own, segment_ids_BL), [[0, 0, 1, 2, 0, 0], [9, 10, 11, 12, 13, 14]])
    assert documents.restart(one_for_all, None) is one_for_all


def test_the_text_is_an_argument_of_a_compiled_step_and_not_a_constant_of_it():
    leaves = jax.tree.leaves(language_model.Task(TEXT, END))
    assert len(leaves) == 1
    assert leaves[0] is TEXT
