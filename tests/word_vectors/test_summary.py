"""What a page shows of word vectors is a function of them alone."""

import numpy as np

from posbench.word_vectors import WordVectors, summary


def test_the_plane_is_that_of_the_largest_variance_whatever_the_lengths_and_signs():
    rng = np.random.default_rng(0)
    angle_V = rng.uniform(0, 2 * np.pi, 200)
    # A circle of directions, tilted; a little noise outside of its plane.
    plane_2D = np.linalg.qr(rng.normal(size=(7, 7)))[0][:2]
    unit_VD = np.stack([np.cos(angle_V), 0.5 * np.sin(angle_V)], 1) @ plane_2D + 1e-3 * rng.normal(size=(200, 7))
    unit_VD /= np.linalg.norm(unit_VD, axis=1, keepdims=True)
    points_V2, shares = summary.plane((unit_VD * rng.uniform(1, 9, (200, 1))).astype(np.float32))
    wanted = np.linalg.eigh(np.cov(unit_VD.T))
    np.testing.assert_allclose(shares, wanted.eigenvalues[:-3:-1] / wanted.eigenvalues.sum(), rtol=1e-4)
    axes_D2 = wanted.eigenvectors[:, :-3:-1]
    axes_D2 *= np.sign(axes_D2[np.abs(axes_D2).argmax(0), [0, 1]])
    np.testing.assert_allclose(points_V2, (unit_VD - unit_VD.mean(0)) @ axes_D2, atol=1e-4)


def test_few_words_zeros_and_one_number_have_a_plane_too():
    for vectors_VD in (np.zeros((3, 4)), np.ones((1, 4)), np.ones((3, 1))):
        points_V2, shares = summary.plane(vectors_VD.astype(np.float32))
        assert points_V2.shape == (len(vectors_VD), 2) and np.isfinite(points_V2).all() and np.isfinite(shares).all()


def test_shown_words_are_chosen_by_rank_from_any_vocabulary():
    assert summary.chosen(5168)[0] == 100 and summary.chosen(5168)[-1] == 2000 and len(summary.chosen(5168)) == 12
    for size in range(1, 40):
        places = summary.chosen(size)
        assert places == sorted(set(places)) and places[0] >= 0 and places[-1] < size
    vectors = WordVectors(['a', 'b', 'c'], np.array([[1, 0], [1, 0.1], [0, 1]], np.float32))
    found = summary.neighbours(vectors, np.array([5, 4, 3]), n=1)
    assert {line['word']: line['near'][0][0] for line in found} == {'a': 'b', 'b': 'a', 'c': 'b'}
    assert [(line['rank'], line['count']) for line in found] == [(1, 5), (2, 4), (3, 3)]
