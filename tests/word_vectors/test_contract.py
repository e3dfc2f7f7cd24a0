"""What every trainer of word vectors has to hold."""

import jax
import numpy as np
import pytest

from tests.word_vectors import small

VARIANTS = {
    'skipgram': ('skipgram', {}),
    'skipgram-full': ('skipgram', dict(objective='full', update_rule='adagrad')),
    'cbow-ngrams': ('cbow', dict(max_n=4, buckets=50)),
    'glove': ('glove', {}),
    'svd': ('svd', {}),
}


def built(trained, **more):
    name, options = VARIANTS[trained]
    trainer = small.build(name, **options, **more)
    return trainer, trainer.prepare(small.text())


def first(tree):
    return jax.tree.map(lambda x: np.asarray(x)[0], tree)


def test_there_is_a_variant_of_every_trainer():
    assert {name for name, _ in VARIANTS.values()} == set(small.TRAINERS.names()) == set(small.SMALL)


@pytest.mark.parametrize('trained', VARIANTS)
def test_a_run_is_the_same_however_it_is_cut_and_shared_and_learns(trained):
    # Rows of a batch that four devices share.
    more = {} if trained in ('glove', 'svd') else dict(words_per_step=2048)
    trainer, prepared = built(trained, **more)
    run = small.Run(trainer, prepared, seeds=(1, 7), devices=2)
    start, (state, losses) = first(run.state()), run.steps(10)
    # Calls of any size, as after a kill: the same bits.
    again, again_losses = run.steps(3, 7)
    jax.tree.map(np.testing.assert_array_equal, state, again)
    np.testing.assert_array_equal(losses, again_losses)
    assert (losses[0, 1:] != losses[1, 1:]).all()
    # Devices that share a batch: the same sums in another order.
    shared, shared_losses = small.Run(trainer, prepared, seeds=(1,), devices=4, data=4).steps(10)
    np.testing.assert_allclose(shared_losses[0], losses[0], rtol=2e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-5), first(shared), first(state))

    assert losses[0, -1] < losses[0, 0]
    before, after = (trainer.held_out(tables, prepared, 'validation') for tables in (start.params, first(state).params))
    assert after < before
    result = trainer.vectors(first(state).params, prepared)
    assert result.words == small.text().words
    assert result.vectors_VD.shape == (len(result.words), trainer.width) and result.vectors_VD.dtype == np.float32
    assert np.linalg.norm(result.vectors_VD, axis=1).min() > 0


@pytest.mark.parametrize('trained', VARIANTS)
def test_an_epoch_is_one_pass(trained):
    trainer, prepared = built(trained)
    assert trainer.steps(prepared, 3) == pytest.approx(3 * trainer.steps(prepared, 1), abs=2)
    if trainer.counts == 'words':
        assert trainer.work(prepared) * trainer.steps(prepared, 1) == pytest.approx(small.text().read['train'])
