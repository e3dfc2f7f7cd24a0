"""What tasks with one class a sequence share: sums of a batch, and the numbers, pictures and chance that they give.

The sums are `confusion_CC`, how many sequences of a true class (row) were said to be of another (column), `loss`, in
nats, and `weight`, how many sequences were scored.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax

from posbench.tasks import base


def metrics(thing: str) -> dict[str, base.Metric]:
    """The metrics of a task that says a class of each `thing`, in the singular: an image, a passage."""
    return {
        'accuracy': base.Metric(f'of {thing}s', 'higher', decides=True, share=True),
        # Of classes that are the truth or were said at least once, each as much as any other.
        'macro_f1': base.Metric('', 'higher', share=True),
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
        return dict(
            accuracy=float(np.float64(np.trace(confusion_CC)) / confusion_CC.sum()),
            macro_f1=macro_f1(confusion_CC),
            loss=float(np.float64(sums['loss']) / np.float64(sums['weight'])),
        )


def macro_f1(confusion_CC: np.ndarray) -> float:
    """The mean of 2 right / (true + said) over classes that are the truth or were said at least once."""
    if np.isnan(confusion_CC).any():
        return float('nan')
    right_C, true_C, said_C = np.diagonal(confusion_CC), confusion_CC.sum(axis=1), confusion_CC.sum(axis=0)
    seen_C = true_C + said_C > 0
    return float((2 * right_C[seen_C] / (true_C + said_C)[seen_C]).mean()) if seen_C.any() else float('nan')


def figures(sums: base.Sums, names: Sequence[str]) -> dict[str, dict]:
    """The confusion matrix, of counts, with these names of the classes."""
    names = [str(name) for name in names]
    counts_CC = np.asarray(sums['confusion_CC'], np.float64)
    # JSON has no NaN.
    values_CC = [[None if np.isnan(count) else count for count in line] for line in counts_CC.tolist()]
    matrix = dict(kind='matrix', title='What was said of each class', rows=names, columns=names)
    labels = dict(row_label='true', column_label='said')
    return dict(confusion=dict(**matrix, **labels, values=values_CC))


def chance(train_C: np.ndarray, scored_C: np.ndarray) -> dict[str, float]:
    """Metrics of knowing frequencies alone, from how many sequences of each class there are.

    Accuracy and macro F1 are those of saying the commonest class of the scored split all the time, the best that a
    constant can do; the loss is that of the frequencies of the training split.
    """
    train_C, scored_C = np.asarray(train_C, np.float64), np.asarray(scored_C, np.float64)
    said_CC = np.zeros((len(scored_C), len(scored_C)))
    said_CC[:, scored_C.argmax()] = scored_C
    seen_C = scored_C > 0
    with np.errstate(divide='ignore'):
        nats_C = -np.log(train_C / train_C.sum())
    return values(dict(confusion_CC=said_CC, loss=(scored_C * nats_C)[seen_C].sum(), weight=scored_C.sum()))
