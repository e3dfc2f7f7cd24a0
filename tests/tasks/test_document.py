"""Whole documents and their classes: what the contract does not say of them."""

import jax
import numpy as np
import pytest

from posbench import tasks
from posbench.tasks import base
from tests.tasks.oracles import text_classify as oracle


def build(**options):
    return tasks.build('text/document', dataset=oracle.dataset(), **options)


def held_out(task, length, budget):
    return [batch for _, batch in task.held_out('test', length, budget)]


def test_as_many_documents_are_scored_as_the_budget_has_rows_of_the_longest_length():
    for count, wanted in ((None, 5), (3, 3), (5, 5), (9, 5)):
        batches = held_out(build(), 16, base.Budget(count and 64 * count + 63, 2 * 16, 64))
        assert sum(batch['weights_B'].sum() for batch in batches) == wanted
    with pytest.raises(ValueError, match='got 63, wanted at least 64'):
        held_out(build(), 16, base.Budget(63, 128, 64))


def test_documents_are_drawn_evenly_whatever_their_length_or_each_class_as_often():
    for balanced, share in ((False, np.array([2, 3, 2]) / 7), (True, np.full(3, 1 / 3))):
        batch = jax.jit(lambda task: task.sample(jax.random.key(0), 6000, 20))(build(balanced=balanced))
        # Five standard deviations.
        counts = np.bincount(batch['targets_B'], minlength=3)
        np.testing.assert_allclose(counts / 6000, share, atol=5 * 0.5 / 6000**0.5)
        rows = {tuple(row) for row in np.asarray(batch['inputs_BL']).tolist()}
        assert len(rows) == len(oracle.DOCUMENTS['train'])


def test_a_length_without_room_for_a_token_is_refused_in_one_line():
    with pytest.raises(ValueError, match='got length 3, wanted at least 4 tokens'):
        build(framed=True).sample(jax.random.key(0), 2, 3)


def test_an_example_leaves_out_what_fills_it_up():
    (batch,) = held_out(build(), 16, base.Budget(None, 16 * 8, 16))
    text = build().example(batch, 1, np.int32(1))
    assert text.splitlines()[1] == 'is from the_other, said to be from that_one'
    assert len(text.splitlines()[0].split()) == oracle.DOCUMENTS['test'][1][0]


def test_texts_from_elsewhere_are_read_as_those_of_the_data():
    dataset = oracle.dataset()
    dataset.tokenizer.encode = lambda text: np.array([int(word) for word in text.split()], np.int32)
    task = build(framed=True)
    data = held_out(task, 16, base.Budget(None, 16 * 8, 16))[0]
    texts = [' '.join(map(str, tokens)) for tokens, _ in oracle.documents('test')]
    batch = task.read_texts(texts, 16)
    for name in ('inputs_BL', 'segment_ids_BL'):
        np.testing.assert_array_equal(batch[name], data[name][: len(texts)])
    sizes = [size for size, _ in oracle.DOCUMENTS['test']]
    assert batch['size_B'].tolist() == sizes and not batch['unknown_B'].any()
    assert batch['text_BL'].sum(axis=1).tolist() == [min(size, 13) for size in sizes]
