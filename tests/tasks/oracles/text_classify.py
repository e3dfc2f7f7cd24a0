"""Passages looked for in the documents, token by token, and classes counted one by one."""

import functools
import math
import types

import numpy as np

from posbench.datasets import labelled

SETTINGS = [{}, dict(balanced=True), dict(framed=True)]
OTHER = dict(balanced=True, framed=True)
# Ids past those of the documents: what a tokenizer puts around a text, and the end of a document.
BEFORE, AFTER, END, VOCABULARY = (40,), (41, 42), 43, 44
# Tokens of each document and its class; the classes come in no order, and some documents are shorter than a passage.
DOCUMENTS = {
    'train': [(300, 1), (40, 0), (900, 2), (150, 1), (7, 2), (160, 0), (16, 1)],
    'validation': [(330, 2), (290, 1), (20, 0), (300, 0)],
    'test': [(500, 0), (12, 2), (310, 2), (200, 1), (170, 0)],
}


@functools.cache
def dataset():
    """Random tokens, of which no sixteen come twice."""
    rng, tokens, starts, ends, labels = np.random.default_rng(5), {}, {}, {}, {}
    for split, documents in DOCUMENTS.items():
        stream, starts[split], ends[split] = [], [], []
        for size, _ in documents:
            starts[split].append(len(stream))
            stream += [*rng.integers(0, 40, size).tolist(), END]
            ends[split].append(len(stream) - 1)
        tokens[split], labels[split] = np.array(stream, np.int32), np.array([c for _, c in documents], np.int32)
    return labelled.Labelled(
        name='random',
        classes=('this_one', 'that_one', 'the_other'),
        tokens=tokens,
        starts={split: np.array(x, np.int64) for split, x in starts.items()},
        ends={split: np.array(x, np.int64) for split, x in ends.items()},
        labels=labels,
        vocabulary=VOCABULARY,
        tokenizer=types.SimpleNamespace(before=BEFORE, after=AFTER, decode=lambda ids: ' '.join(map(str, ids))),
        fingerprint='random',
    )


def documents(split):
    """(tokens without the end, class) of each document."""
    found, tokens = [], []
    labels = iter(dataset().labels[split].tolist())
    for token in dataset().tokens[split].tolist():
        if token == END:
            found.append((tokens, next(labels)))
            tokens = []
        else:
            tokens.append(token)
    return found


def expected(task, batch, protocol):
    targets_B = []
    for row in batch['inputs_BL'].tolist():
        if task.framed:
            assert tuple(row[:1]) == BEFORE and tuple(row[-2:]) == AFTER, 'a passage without its frame'
            row = row[1:-2]
        classes, places = [], []
        for split in ['train'] if protocol is None else ['validation', 'test']:
            for tokens, label in documents(split):
                for start in range(len(tokens) - len(row) + 1):
                    if tokens[start : start + len(row)] == row:
                        classes.append(label)
                        places.append(start)
        assert len(places) == 1, f'a passage that stands in {len(places)} places'
        assert protocol is None or places[0] % len(row) == 0, 'held-out passages that overlap'
        targets_B.append(classes[0])
    return dict(targets_B=np.array(targets_B, np.int32), weights_B=np.ones(len(targets_B), np.float32))


def counted(task, split, length, batches):
    """Of saying the commonest class, and of how the tokens of train are shared."""
    train = [sum(len(tokens) for tokens, label in documents('train') if label == one) for one in range(3)]
    return of_frequencies([size / sum(train) for size in train], batches)


def of_frequencies(shares, batches):
    """What a model gets that says the commonest of the scored classes, and nats of the shares that it learned."""
    scored = [0] * len(shares)
    for _, batch in batches:
        for label, weight in zip(batch['targets_B'], batch['weights_B']):
            scored[label] += int(weight)
    total = sum(scored)
    accuracy = max(scored) / total
    # One class has a recall of 1 and this precision, the others have none.
    classes = sum(count > 0 for count in scored)
    precision, recall, f1 = accuracy / classes, 1 / classes, 2 * accuracy / (1 + accuracy) / classes
    nats = -sum(count * math.log(shares[label]) for label, count in enumerate(scored)) / total
    means = dict(macro_precision=(precision, 1e-6), macro_recall=(recall, 1e-6), macro_f1=(f1, 1e-6))
    return dict(accuracy=(accuracy, 1e-6), **means, micro_f1=(accuracy, 1e-6), loss=(nats, 1e-5))
