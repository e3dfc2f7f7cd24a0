"""Shares of classes, counted thing by thing, and what is defined where there is nothing to divide by."""

import math

import jax
import numpy as np

from posbench.report import kinds
from posbench.tasks import classification

CLASSES = 4
TRUE = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 0])
# The last class is neither the truth nor said, the third one is never said.
SAID = np.array([0, 0, 1, 1, 0, 0, 1, 1, 0, 0])


def sums(true_B=TRUE, said_B=SAID, weights_B=None):
    logits_BC = 5 * np.eye(CLASSES, dtype=np.float32)[said_B]
    weights_B = np.ones(len(true_B), np.float32) if weights_B is None else weights_B
    return jax.tree.map(np.asarray, classification.score(logits_BC, true_B, weights_B))


def by_hand(one):
    right = sum(true == said == one for true, said in zip(TRUE, SAID))
    true, said = (one == TRUE).sum(), (one == SAID).sum()
    precision, recall = right / said if said else 0.0, right / true if true else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if right else 0.0


def test_means_are_over_classes_that_are_the_truth_or_were_said():
    values = classification.values(sums())
    precision, recall, f1 = np.mean([by_hand(one) for one in range(3)], axis=0)
    np.testing.assert_allclose(values['macro_precision'], precision)
    np.testing.assert_allclose(values['macro_recall'], recall)
    np.testing.assert_allclose(values['macro_f1'], f1)
    assert values['accuracy'] == values['micro_f1'] == (TRUE == SAID).mean()
    assert set(values) == set(classification.metrics('thing'))


def test_a_class_that_is_said_and_is_never_the_truth_counts():
    values = classification.values(sums(np.zeros(4, int), np.array([0, 0, 3, 3])))
    assert (values['macro_precision'], values['macro_recall'], values['accuracy']) == (0.5, 0.25, 0.5)
    np.testing.assert_allclose(values['macro_f1'], 2 * 1 * 0.5 / 1.5 / 2)


def test_of_nothing_there_is_no_share():
    values = classification.values(sums(weights_B=np.zeros(len(TRUE), np.float32)))
    assert all(math.isnan(value) for value in values.values())


def test_the_page_has_the_shares_of_each_class_and_says_which_of_two_is_positive():
    figure = classification.figures(sums(), 'abcd')['by_class']
    kinds.check_figure(figure)
    assert figure['columns'] == ['precision', 'recall', 'f1'] and figure['rows'] == [*'abcd']
    np.testing.assert_allclose(figure['values'], [*map(by_hand, range(3)), (0, 0, 0)])
    two = {name: x[:2, :2] if name == 'confusion_CC' else x for name, x in sums().items()}
    figures = classification.figures(two, ['bad', 'good'])
    assert figures['by_class']['rows'] == ['bad', 'good (+)'] and figures['confusion']['rows'] == ['bad', 'good']
    assert figures['by_class']['title'].endswith('(+): positive class')
