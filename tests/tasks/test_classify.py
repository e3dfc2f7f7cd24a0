"""Passages of documents and their classes: what the contract does not say of them."""

import dataclasses
import types

import jax
import numpy as np
import pytest

from posbench import tasks
from posbench.tasks import base
from tests.tasks.oracles import text_classify as oracle


def build(**options):
    return tasks.build('text/classify', dataset=oracle.dataset(), **options)


def drawn(task, length, count=6000):
    """First tokens and classes of many passages."""
    start_B, class_B = jax.jit(lambda task: task.draw(jax.random.key(0), count, length))(task)
    return np.asarray(start_B), np.asarray(class_B)


@pytest.mark.parametrize('balanced', [False, True])
def test_passages_start_at_every_place_of_train_where_one_fits_and_nowhere_else(balanced):
    length, places = 150, set()
    for start, end in zip(oracle.dataset().starts['train'], oracle.dataset().ends['train']):
        places |= set(range(start, end - length + 1))
    start_B, _ = drawn(build(balanced=balanced), length, 40_000)
    assert set(start_B.tolist()) == places


def test_classes_are_drawn_as_often_as_they_have_places_or_equally_often():
    length = 100
    places = np.zeros(3)
    for size, label in oracle.DOCUMENTS['train']:
        places[label] += max(size - length + 1, 0)
    for balanced, share in ((False, places / places.sum()), (True, np.full(3, 1 / 3))):
        _, class_B = drawn(build(balanced=balanced), length)
        # Five standard deviations.
        np.testing.assert_allclose(np.bincount(class_B, minlength=3) / 6000, share, atol=5 * 0.5 / 6000**0.5)


def test_a_class_without_a_document_that_is_long_enough_is_never_drawn():
    _, class_B = drawn(build(balanced=True), 200)
    assert set(class_B.tolist()) == {1, 2}


def test_a_smaller_budget_scores_passages_from_the_whole_split():
    task = build()
    everything, _ = task.passages('test', 16)
    some = [batch for _, batch in task.held_out('test', 16, base.Budget(16 * 20, 16 * 8, 64))]
    assert [batch['inputs_BL'].shape for batch in some] == [(8, 16)] * 3
    rows = [row for batch in some for row in batch['inputs_BL'][batch['weights_B'] > 0].tolist()]
    tokens_N = oracle.dataset().tokens['test']
    wanted = [tokens_N[everything[i * len(everything) // 20]] for i in range(20)]
    assert [row[0] for row in rows] == wanted
    assert sum(batch['weights_B'].sum() for batch in some) == 20


def test_a_length_that_no_document_has_is_refused_in_one_line():
    budget = base.Budget(None, 8192, 1000)
    with pytest.raises(
        ValueError, match='got length 501, wanted from 1 to 500 tokens, as the longest document of test'
    ):
        list(build().held_out('test', 501, budget))
    with pytest.raises(ValueError, match='got length 3, wanted from 4 to 903 tokens, as the longest document of train'):
        build(framed=True).sample(jax.random.key(0), 2, 3)
    assert list(build(framed=True).held_out('test', 503, budget))


def test_a_frame_of_a_tokenizer_that_has_none_is_refused():
    bare = dataclasses.replace(oracle.dataset(), tokenizer=types.SimpleNamespace(before=(), after=()))
    with pytest.raises(ValueError, match='framed=True, wanted a tokenizer that puts tokens around a text'):
        tasks.build('text/classify', dataset=bare, framed=True)


def test_the_confusion_matrix_has_the_names_of_the_classes():
    task = build()
    batch = next(batch for _, batch in task.held_out('test', 16, base.Budget(None, 16 * 400, 16)))
    sums = task.score(np.eye(3, dtype=np.float32)[np.full_like(batch['targets_B'], 1)], batch)
    matrix = task.figures(sums)['confusion']
    assert matrix['rows'] == matrix['columns'] == ['this one', 'that one', 'the other']
    counts = np.array(matrix['values'])
    assert counts[:, 1].sum() == counts.sum() == batch['weights_B'].sum() and counts[0].sum() == 500 // 16 + 170 // 16
    assert task.title('text/classify') == 'text/classify/random'


def test_an_example_says_the_passage_its_class_and_the_one_that_was_said():
    task = build()
    batch = dict(inputs_BL=np.array([[7, 8]]), targets_B=np.array([2]), weights_B=np.ones(1, np.float32))
    assert task.example(batch, 0, np.int32(1)) == '7 8\nis from the_other, said to be from that_one'
