"""Skip-gram and CBOW, with n-grams too, against loops over their formulas."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench.word_vectors import hierarchical, negatives
from tests.word_vectors import oracles, small

# Of float32 sums of some hundred terms, whose order differs.
CLOSE = dict(rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    'name, objective, max_n, rule, cap',
    [
        ('skipgram', 'negatives', None, 'sgd', 2.0),
        ('skipgram', 'negatives', 4, 'adagrad', 3.0),
        ('skipgram', 'hierarchical', None, 'adagrad', 3.0),
        ('skipgram', 'full', None, 'adagrad', 3.0),
        ('cbow', 'negatives', None, 'adagrad', None),
        ('cbow', 'negatives', 4, 'sgd', 2.5),
        ('cbow', 'hierarchical', None, 'sgd', None),
        ('cbow', 'full', None, 'sgd', None),
    ],
)
def test_one_update_is_that_of_the_formula(name, max_n, objective, rule, cap):
    trainer = small.build(name, objective=objective, max_n=max_n, buckets=50, update_rule=rule, cap=cap)
    prepared = trainer.prepare(small.text())
    params, opt_state = jax.tree.map(np.asarray, trainer.init(prepared, 3))
    params, opt_state = small.filled(params), {name: np.full_like(x, 0.1) for name, x in opt_state.items()}
    batch, (got, got_squares, metrics) = small.one_update(trainer, prepared, params, opt_state)
    found = small.windows_of(prepared.train, batch, trainer.block, trainer.window)
    loss, wanted, squares = oracles.word2vec(
        trainer, found, params, opt_state or None, 0.05, mean=name == 'cbow', rows_of=rows_of(prepared, max_n),
        objective=objective_of(trainer, prepared, found), measured=1 if objective == 'full' else 8,
    )  # fmt: skip
    assert metrics['loss'] == pytest.approx(loss, rel=1e-5)
    for table in params:
        np.testing.assert_allclose(got[table], wanted[table], **CLOSE)
        assert (got[table] != params[table]).any(axis=1).sum() > 4
        if rule == 'adagrad':
            np.testing.assert_allclose(got_squares[table], squares[table], **CLOSE)


def rows_of(prepared, max_n):
    table = prepared.inputs
    return None if max_n is None else lambda word: table.row_F[table.first_V[word] : table.first_V[word + 1]]


def objective_of(trainer, prepared, found):
    if trainer.objective == 'full':
        return oracles.full_softmax
    if trainer.objective == 'hierarchical':
        return oracles.hierarchical_softmax(prepared.objective)
    blocks = len(found.center_BT) // found.rows
    noise = jax.tree.map(jnp.asarray, prepared.objective)
    drawn = [noise.draw(key, (blocks, trainer.shared)) for key in found.keys_R]
    return oracles.negative_sampling(np.concatenate(drawn), trainer.negatives)


def test_shared_negatives_are_as_many_as_independent_ones_and_as_frequent():
    counts_V = np.array([50, 30, 10, 5, 3, 1, 1])
    noise = jax.tree.map(jnp.asarray, negatives.objective(counts_V, 5, 4))
    drawn = np.asarray(noise.draw(jax.random.key(0), (200_000,)))
    share_V = counts_V**0.75 / (counts_V**0.75).sum()
    got_V = np.bincount(drawn, minlength=7) / len(drawn)
    assert np.abs(got_V - share_V).max() < 4 * np.sqrt(0.25 / len(drawn))


def test_the_tree_is_huffmans():
    """Its codes are as short as those of Huffman's rule, which cost the sum of all merges; none begins another."""
    counts_V = np.array([40, 20, 12, 9, 9, 4, 3, 2, 1])
    tree = hierarchical.objective(counts_V)
    codes = [tuple(sign[sign != 0].astype(int)) for sign in tree.sign_VL]
    left, cost = sorted(counts_V.tolist()), 0
    while len(left) > 1:
        cost += left[0] + left[1]
        left = sorted([left[0] + left[1], *left[2:]])
    assert sum(len(code) * count for code, count in zip(codes, counts_V)) == cost
    assert all(a == b or a != b[: len(a)] for a in codes for b in codes)
    # Nodes of a path are told by the turns before them.
    nodes = {}
    for node_L, code in zip(tree.node_VL, codes):
        for level, node in enumerate(node_L[: len(code)]):
            assert nodes.setdefault(code[:level], node) == node
    assert sorted(nodes.values()) == list(range(8))


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(words_per_step=60), 'words_per_step: got 60, wanted a multiple of block=8'),
        (dict(words_per_step=1028), 'words_per_step: got 1028'),
        (dict(max_n=2), 'max_n: got 2, wanted at least min_n=3'),
    ],
)
def test_options_that_do_not_fit_are_said_in_one_line(options, message):
    with pytest.raises(ValueError, match=message) as error:
        small.build('skipgram', **options).prepare(small.text())
    assert '\n' not in str(error.value)
