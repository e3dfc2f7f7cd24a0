"""GloVe against its formula, and its counts against a count."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench.word_vectors import cooccurrence
from tests.word_vectors import oracles, small


@pytest.mark.parametrize('weighting', ['harmonic', 'flat'])
@pytest.mark.parametrize('pairs', [100, 2**20])
def test_counts_are_those_of_a_loop_however_many_shards_there_are(weighting, pairs, tmp_path):
    made = small.text()
    wanted = oracles.cooccurrences(small.sentences('train'), made.words, 3, weighting == 'harmonic')
    got = np.zeros_like(wanted)
    cells = cooccurrence.count(made, 'train', 3, weighting, tmp_path, pairs)
    assert (np.diff(cells.row_N * len(made.words) + cells.column_N) > 0).all()
    got[cells.row_N, cells.column_N] = cells.count_N
    np.testing.assert_allclose(got, wanted, rtol=1e-6)
    in_memory = cooccurrence.count(made, 'train', 3, weighting, None, pairs)
    for ours, theirs in zip(cells, in_memory):
        np.testing.assert_array_equal(ours, theirs)


def test_cells_are_counted_once_and_again_where_they_were_not_whole(tmp_path, monkeypatch):
    cells = cooccurrence.count(small.text(), 'train', 3, 'flat', tmp_path)
    (place,) = tmp_path.iterdir()
    assert sorted(path.name for path in place.iterdir()) == ['column_N', 'count_N', 'row_N', 'whole']
    (place / 'whole').unlink()
    (place / 'row_N').write_bytes(b'cut')
    again = cooccurrence.count(small.text(), 'train', 3, 'flat', tmp_path)
    np.testing.assert_array_equal(again.row_N, cells.row_N)
    monkeypatch.setattr(cooccurrence, '_shards', None)
    np.testing.assert_array_equal(cooccurrence.count(small.text(), 'train', 3, 'flat', tmp_path).row_N, cells.row_N)


def test_one_update_is_that_of_the_formula():
    trainer = small.build('glove', x_max=3.0)
    prepared = trainer.prepare(small.text())
    params, squares = jax.tree.map(np.asarray, trainer.init(prepared, 3))
    assert {float(x.min()) for x in squares.values()} == {1.0}
    params, squares = small.filled(params), {name: x + i for i, (name, x) in enumerate(squares.items())}
    batch, (got, got_squares, metrics) = small.one_update(trainer, prepared, params, squares)
    places = (np.asarray(batch['start_R'])[:, None] + np.arange(8)).ravel()
    table = prepared.train
    counts = oracles.cooccurrences(small.sentences('train'), small.text().words, 3, True)
    cells = [(i, j, counts[i, j]) for i, j in zip(table.row_N[places], table.column_N[places])]
    loss, wanted, wanted_squares = oracles.glove(params, squares, cells, 0.05, 3.0, 0.75)
    assert metrics['loss'] == pytest.approx(loss, rel=1e-5)
    for name in params:
        np.testing.assert_allclose(got[name], wanted[name], rtol=2e-5, atol=2e-6)
        np.testing.assert_allclose(got_squares[name], wanted_squares[name], rtol=2e-5)


def test_the_gradient_is_that_of_the_loss():
    trainer = small.build('glove')
    table = trainer.prepare(small.text()).train
    arrays = [x[:50] for x in (table.row_N, table.column_N, table.log_N, table.weight_N)]
    params = small.filled(dict(word=np.zeros((len(small.WORDS), 9)), context=np.zeros((len(small.WORDS), 9))))
    params = jax.tree.map(jnp.asarray, params)
    wanted = jax.jit(jax.grad(lambda params: trainer.gradients(params, *arrays)[0]))(params)
    _, rows = jax.jit(trainer.gradients)(params, *arrays)
    for name, ids_N in (('word', arrays[0]), ('context', arrays[1])):
        got = np.zeros_like(params[name])
        np.add.at(got, ids_N, rows[name])
        np.testing.assert_allclose(got, wanted[name], rtol=1e-4, atol=1e-5)


def test_an_epoch_reads_every_cell_once_but_for_the_last_step():
    trainer = small.build('glove')
    prepared = trainer.prepare(small.text())
    cells = prepared.train.cells
    seen = np.zeros(cells, int)
    for step in range(cells // trainer.cells_per_step):
        starts = np.asarray(trainer.batch(prepared, 3, step, 10)['start_R'])
        np.add.at(seen, (starts[:, None] + np.arange(trainer.cells_per_step // 8)).ravel() % cells, 1)
    assert seen.max() == 1 and seen.sum() > cells - trainer.cells_per_step
