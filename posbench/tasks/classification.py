"""What tasks that tell classes apart share: sums of a batch, and the numbers, pictures and chance that they give.

A thing is what has one class: an image, a passage, a token. The sums are `confusion_CC`, how many things of a true
class (row) were said to be of another (column), `loss`, in nats, and `weight`, how many things were scored. With these

    accuracy           things whose class was said, of all
    precision of C     things of C among those said to be of C; 0 where none was
    recall of C        things said to be of C among those of C; 0 where there are none
    F1 of C            2 right / (true + said): the harmonic mean of the two

and means over classes that are the truth or were said at least once, each as much as any other: `macro_precision`,
`macro_recall`, `macro_f1`. `micro_f1` is F1 of the counts of all classes together, which is accuracy where a thing has
one class. Of two classes the second is the positive one.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from posbench.tasks import base

SHARES = ('macro_precision', 'macro_recall', 'macro_f1', 'micro_f1')


def metrics(thing: str) -> dict[str, base.Metric]:
    """The metrics of a task that says a class of each `thing`, in the singular: an image, a passage."""
    return {
        'accuracy': base.Metric(f'of {thing}s', 'higher', decides=True, share=True),
        **{name: base.Metric('', 'higher', share=True) for name in SHARES},
        'loss': base.Metric(f'nats per {thing}', 'lower'),
    }


def loss(logits_BC: jax.Array, targets_B: jax.Array, weights_B: jax.Array) -> tuple[jax.Array, jax.Array]:
    """(sum of the cross-entropies in nats, their weight). Traced."""
    nats_B = optax.softmax_cross_entropy_with_integer_labels(logits_BC.astype(jnp.float32), targets_B)
    # What is not scored may be past a table, where there is only NaN.
    return jnp.where(weights_B > 0, nats_B * weights_B, 0.0).sum(), weights_B.sum()


def score(logits_BC: jax.Array, targets_B: jax.Array, weights_B: jax.Array) -> base.Sums:
    """What a batch adds to the sums; the likeliest class is what was said, and NaN where logits are NaN. Traced."""
    true_BC = jax.nn.one_hot(targets_B, logits_BC.shape[-1]) * weights_B[:, None]
    said_BC = jax.nn.one_hot(logits_BC.argmax(axis=-1), logits_BC.shape[-1])
    # The place of a NaN would pass for the largest one, and so for an answer.
    lost_B1 = jnp.isnan(logits_BC).any(axis=-1, keepdims=True) & (weights_B > 0)[:, None]
    said_BC = jnp.where(lost_B1, jnp.nan, said_BC)
    nats, weight = loss(logits_BC, targets_B, weights_B)
    # Counts in float32 are exact, and add up over batches of any size, but not in products of lower precision.
    confusion_CC = jnp.einsum('BC,BK->CK', true_BC, said_BC, precision=jax.lax.Precision.HIGHEST)
    return dict(confusion_CC=confusion_CC, loss=nats, weight=weight)


def values(sums: base.Sums) -> dict[str, float]:
    """Every metric; NaN where nothing was scored."""
    confusion_CC = np.asarray(sums['confusion_CC'], np.float64)
    with np.errstate(invalid='ignore', divide='ignore'):
        accuracy = float(np.float64(np.trace(confusion_CC)) / confusion_CC.sum())
        nats = float(np.float64(sums['loss']) / np.float64(sums['weight']))
    means = dict.fromkeys(('macro_precision', 'macro_recall', 'macro_f1'), float('nan'))
    seen_C = confusion_CC.sum(axis=0) + confusion_CC.sum(axis=1) > 0
    if seen_C.any() and not np.isnan(confusion_CC).any():
        means = {f'macro_{name}': float(of_C[seen_C].mean()) for name, of_C in by_class(confusion_CC).items()}
    return dict(accuracy=accuracy, **means, micro_f1=accuracy, loss=nats)


def by_class(confusion_CC: np.ndarray) -> dict[str, np.ndarray]:
    """precision, recall and f1 of each class, [C]; 0 where there is nothing to divide by."""
    right_C, true_C, said_C = np.diagonal(confusion_CC), confusion_CC.sum(axis=1), confusion_CC.sum(axis=0)

    def share(part_C, of_C):
        return np.divide(part_C, of_C, out=np.zeros(len(of_C)), where=of_C > 0)

    return dict(precision=share(right_C, said_C), recall=share(right_C, true_C), f1=share(2 * right_C, true_C + said_C))


def figures(sums: base.Sums, names: Sequence[str]) -> dict[str, dict]:
    """The confusion matrix, of counts, and the shares of each class, with these names of the classes."""
    names = [str(name) for name in names]
    counts_CC = np.asarray(sums['confusion_CC'], np.float64)
    labels = dict(row_label='true', column_label='said')
    confusion = dict(kind='matrix', title='What was said of each class', rows=names, columns=names, **labels)
    shares = by_class(counts_CC)
    each = dict(
        kind='matrix', title='Precision, recall and F1 of each class', rows=names, columns=[*shares], share=True
    )
    if len(names) == 2:
        each |= dict(title='Precision, recall, F1; (+): positive class', rows=[names[0], f'{names[1]} (+)'])
    shares_CN = np.stack([*shares.values()], axis=1)
    return dict(confusion=confusion | dict(values=_json(counts_CC)), by_class=each | dict(values=_json(shares_CN)))


def _json(values_RC: np.ndarray) -> list[list[float | None]]:
    """JSON has no NaN."""
    return [[None if np.isnan(value) else value for value in line] for line in values_RC.tolist()]


def chance(train_C: np.ndarray, scored_C: np.ndarray) -> dict[str, float]:
    """Metrics of knowing frequencies alone, from how many sequences of each class there are.

    All but the loss are those of saying the commonest class of the scored split all the time, the best that a constant
    can do; the loss is that of the frequencies of the training split.
    """
    train_C, scored_C = np.asarray(train_C, np.float64), np.asarray(scored_C, np.float64)
    said_CC = np.zeros((len(scored_C), len(scored_C)))
    said_CC[:, scored_C.argmax()] = scored_C
    seen_C = scored_C > 0
    with np.errstate(divide='ignore'):
        nats_C = -np.log(train_C / train_C.sum())
    return values(dict(confusion_CC=said_CC, loss=(scored_C * nats_C)[seen_C].sum(), weight=scored_C.sum()))
