"""The matrix, and its singular vectors beside LAPACK's in float64."""

import dataclasses

import jax
import numpy as np
import pytest

from tests.word_vectors import oracles, small


def matrix(kind):
    return oracles.cell(kind, oracles.cooccurrences(small.sentences('train'), small.text().words, 3, False))


@pytest.mark.parametrize('kind', ['raw', 'log', 'ppmi', 'saturating'])
def test_cells_and_one_step_are_those_of_the_formula(kind):
    trainer = small.build('svd', cell=kind)
    prepared = trainer.prepare(small.text())
    wanted = matrix(kind)
    got = np.zeros_like(wanted)
    np.add.at(
        got, (prepared.train.row_PXN.ravel(), prepared.train.column_PXN.ravel()), prepared.train.value_PXN.ravel()
    )
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-7)
    params = jax.tree.map(np.asarray, trainer.init(prepared, 3)[0])
    basis = params['basis'].astype(np.float64)
    np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-5)
    _, (new, _, metrics) = small.one_update(trainer, prepared, params, {})
    image = wanted @ basis
    # Gram and Schmidt's columns are those of QR, with the signs that make its diagonal positive.
    q, r = np.linalg.qr(image)
    np.testing.assert_allclose(new['basis'], q * np.sign(np.diag(r)), atol=2e-4)
    assert metrics['loss'] == pytest.approx(1 - (image**2).sum() / (wanted**2).sum(), abs=1e-5)


def test_vectors_are_the_singular_vectors_with_rows_of_length_one():
    trainer = small.build('svd')
    prepared = trainer.prepare(small.text())
    state, _ = small.Run(trainer, prepared, seeds=(1,), devices=1).steps(60)
    u, s, _ = np.linalg.svd(matrix('ppmi'))
    for power in (0.0, 0.5, 1.0):
        trainer = dataclasses.replace(trainer, power=power)
        got = trainer.vectors(jax.tree.map(lambda x: x[0], state.params), prepared).vectors_VD
        wanted = u[:, :4] * s[:4] ** power
        wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
        # Columns have no sign of their own.
        np.testing.assert_allclose(got @ got.T, wanted @ wanted.T, atol=2e-3)
        np.testing.assert_allclose(np.linalg.norm(got, axis=1), 1, rtol=1e-6)


def test_a_width_beyond_the_vocabulary_is_said():
    with pytest.raises(ValueError, match='width: got 20, wanted at most the 24 words'):
        dataclasses.replace(small.build('svd'), width=20).prepare(small.text())
