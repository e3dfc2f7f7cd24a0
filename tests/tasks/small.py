"""What the checks of the contract look at: batches of a task, made-up models that are scored on them, comparisons."""

import functools

import jax
import numpy as np

from posbench.tasks import base
from tests.tasks import oracles

ROWS = 6


def lengths(task) -> tuple[int, ...]:
    """Three lengths that the task can make."""
    return getattr(oracles.of(task), 'LENGTHS', oracles.LENGTHS)


def numpy(tree):
    """The same tree of NumPy arrays that may be written to."""
    return jax.tree.map(np.array, tree)


def sampled(task, length, seed=0, rows=ROWS) -> base.Batch:
    """A training batch."""
    return numpy(_sample(task, jax.random.key(seed), rows, length))


# A task is an argument of a compiled program, as in the trainer.
_sample = jax.jit(lambda task, rng, rows, length: task.sample(rng, rows, length), static_argnums=(2, 3))
_score = jax.jit(lambda task, outputs, batch: task.score(outputs, batch))
_loss = jax.jit(lambda task, outputs, batch: task.loss(outputs, batch))


def budget(rows, batch_rows, longest) -> base.Budget:
    """For so many rows of the longest length."""
    return base.Budget(rows * longest, batch_rows * longest, longest)


def held_out(task, split, length, wanted=None) -> list[tuple[str, base.Batch]]:
    """All that is scored of a split, in several batches."""
    return list(task.held_out(split, length, wanted or budget(3 * ROWS, 2 * ROWS, max(lengths(task)))))


def suffix(batch) -> str:
    """Of targets and weights."""
    return 'BL' if 'targets_BL' in batch else 'B'


def targets(batch) -> np.ndarray:
    return batch[f'targets_{suffix(batch)}']


def weights(batch) -> np.ndarray:
    return batch[f'weights_{suffix(batch)}']


def rows_of(batch, chosen) -> base.Batch:
    """These rows of a batch."""
    return {name: x[chosen] for name, x in batch.items()}


def scored_rows(batch) -> np.ndarray:
    """The numbers of the rows that count."""
    return np.flatnonzero(weights(batch).reshape(len(weights(batch)), -1).any(axis=1))


def read(batches, protocol=None) -> list[bytes]:
    """All that a model reads of each row that counts, of (protocol, batch)."""
    names = ('source_BM', 'inputs_BL', 'inputs_BLC')
    return [
        b''.join(batch[name][row].tobytes() for name in names if name in batch)
        for found, batch in batches
        for row in scored_rows(batch)
        if protocol in (None, found)
    ]


def real_rows(batches, protocol) -> list[bytes]:
    """All that is read and wanted of each row that counts, without what it is filled up with."""
    return [
        b''.join(x[row][real_parts(batch, name)[row]].tobytes() for name, x in sorted(batch.items()))
        for found, batch in batches
        for row in scored_rows(batch)
        if found == protocol
    ]


def real_parts(batch, name) -> np.ndarray:
    """Which entries of an array of a batch are of no padding."""
    segments = batch.get({'BL': 'segment_ids_BL', 'BM': 'source_segment_ids_BM'}.get(name.rpartition('_')[2]))
    return np.ones(batch[name].shape, bool) if segments is None else segments >= 0


def choices(task) -> int:
    """How many things a model can say of a target."""
    return task.vocabulary if task.says == 'tokens' else task.classes


def saying(task, said, batch) -> np.ndarray:
    """What `score` is given by a model that says this, of the targets' shape: 10,000 nats sure of it."""
    return np.asarray(said, np.int32) if task.generates else 1e4 * np.eye(choices(task), dtype=np.float32)[said]


def logits(task, batch) -> np.ndarray:
    """What `loss` is given by a model that was never trained."""
    shape = (*targets(batch).shape, choices(task))
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def babble(task, batch) -> np.ndarray:
    """What `score` is given by such a model; where that is tokens, about half of them are right."""
    if not task.generates:
        return logits(task, batch)
    rng, shape = np.random.default_rng(0), targets(batch).shape
    return np.where(rng.random(shape) < 0.5, targets(batch), rng.integers(0, choices(task), shape)).astype(np.int32)


def score(task, outputs, batch) -> base.Sums:
    return numpy(_score(task, outputs, batch))


def loss(task, outputs, batch) -> tuple[np.ndarray, np.ndarray]:
    return numpy(_loss(task, outputs, batch))


def in_float64(sums):
    """As the trainer adds sums up."""
    return jax.tree.map(lambda x: np.asarray(x, np.float64), sums)


def total(several: list):
    """Sums of several batches."""
    return functools.reduce(lambda one, other: jax.tree.map(np.add, one, other), map(in_float64, several))


def values(task, sums) -> dict[str, float]:
    return task.values(in_float64(sums))


def values_of_a_model(task, batches, say) -> dict[str, dict[str, float]]:
    """Protocol -> values of a model that says, of each batch, what `say` gives."""
    sums: dict[str, list] = {}
    for protocol, batch in batches:
        sums.setdefault(protocol, []).append(score(task, saying(task, say(batch), batch), batch))
    return {protocol: values(task, total(several)) for protocol, several in sums.items()}


def commonest(task, batches) -> np.ndarray:
    """The target that stands at each place most often, [L]."""
    length = targets(batches[0][1]).shape[1]
    counts_LV = np.zeros((length, choices(task)))
    for _, batch in batches:
        places = np.broadcast_to(np.arange(length), targets(batch).shape)
        np.add.at(counts_LV, (places, targets(batch)), weights(batch))
    return counts_LV.argmax(axis=1)


def same(got, wanted, what):
    """AssertionError where two trees differ: in whole numbers at all, in others by more than the rounding of a sum."""
    assert jax.tree.structure(got) == jax.tree.structure(wanted), what
    for (path, x), y in zip(jax.tree.leaves_with_path(got), jax.tree.leaves(wanted)):
        tolerance = 0 if np.issubdtype(np.asarray(x).dtype, np.integer) else 2e-5
        where = f'{what}{jax.tree_util.keystr(path)}'
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance, err_msg=where)


def differs(one, other) -> bool:
    """Whether two trees have other names, shapes or numbers."""
    if jax.tree.structure(one) != jax.tree.structure(other):
        return True
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other))
    return any(np.shape(x) != np.shape(y) or not np.array_equal(x, y) for x, y in pairs)
