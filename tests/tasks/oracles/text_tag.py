"""Pieces of sentences looked for word by word, and tags counted one by one."""

import functools
import math
import string

import numpy as np

from posbench.datasets import tagged, wordlist

SETTINGS = [{}]
LENGTHS = (3, 8, 24)
TAGS = ('DET', 'NOUN', 'VERB')
WORDS = [*string.ascii_lowercase, *string.ascii_uppercase]
UNKNOWN, END = len(WORDS), len(WORDS) + 1
# Words of each sentence.
SENTENCES = {'train': [9, 30, 1, 24, 7, 16, 3] * 6, 'validation': [12, 26, 3, 8] * 40, 'test': [5, 31, 8, 1, 17] * 40}


@functools.cache
def dataset():
    """Random words: each has one tag in four of five places, the unknown one mostly the second."""
    rng, tokens, tags, starts, ends = np.random.default_rng(7), {}, {}, {}, {}
    for split, sizes in SENTENCES.items():
        words, said, starts[split], ends[split] = [], [], [], []
        for size in sizes:
            starts[split].append(len(words))
            # In train no word of the list is unknown.
            drawn = rng.integers(0, len(WORDS), size)
            drawn = drawn if split == 'train' else np.where(rng.random(size) < 0.2, UNKNOWN, drawn)
            often = np.where(drawn == UNKNOWN, 1, (drawn % 5 == 0) * 2)
            words += [*drawn.tolist(), END]
            said += [*np.where(rng.random(size) < 0.8, often, rng.integers(0, 3, size)).tolist(), -1]
            ends[split].append(len(words) - 1)
        tokens[split], tags[split] = np.array(words, np.int32), np.array(said, np.int32)
        starts[split], ends[split] = np.array(starts[split], np.int64), np.array(ends[split], np.int64)
    return tagged.Tagged(
        name='random',
        classes=TAGS,
        tokens=tokens,
        tags=tags,
        starts=starts,
        ends=ends,
        vocabulary=END + 1,
        tokenizer=wordlist.WordList(WORDS, lowercase=False),
        fingerprint='random',
    )


def sentences(split):
    """(words, tags) of each sentence."""
    found, words, said = [], [], []
    for word, tag in zip(dataset().tokens[split].tolist(), dataset().tags[split].tolist()):
        if word == END:
            found.append((words, said))
            words, said = [], []
        else:
            words.append(word)
            said.append(tag)
    return found


def expected(task, batch, protocol):
    length = batch['inputs_BL'].shape[1]
    known = {}
    for split in ['train'] if protocol is None else ['validation', 'test']:
        for words, said in sentences(split):
            for start in range(0, len(words), length):
                piece = words[start : start + length]
                missing = length - len(piece)
                row = *piece, *[0] * missing, *[0] * len(piece), *[-1] * missing
                known.setdefault(row, []).append([*said[start : start + length], *[0] * missing])
    rows = np.concatenate([batch['inputs_BL'], batch['segment_ids_BL']], axis=1).tolist()
    found = [known[tuple(row)] for row in rows]
    # A word or two may stand in several sentences, with other tags.
    targets_BL = np.array([
        next((said for said in several if said == got), several[0])
        for several, got in zip(found, batch['targets_BL'].tolist())
    ])  # fmt: skip
    return dict(targets_BL=targets_BL, weights_BL=(batch['segment_ids_BL'] == 0).astype(np.float32))


def counted(task, split, length, batches):
    """Of saying the commonest tag, and of how the words of train have each."""
    train = [sum(said.count(tag) for _, said in sentences('train')) for tag in range(3)]
    scored, unknown = [0] * 3, [0] * 3
    for _, batch in batches:
        columns = (batch[name].reshape(-1).tolist() for name in ('inputs_BL', 'targets_BL', 'weights_BL'))
        for word, tag, weight in zip(*columns):
            scored[tag] += int(weight)
            unknown[tag] += int(weight) * (word == UNKNOWN)
    accuracy = max(scored) / sum(scored)
    means = dict(macro_precision=accuracy / 3, macro_recall=1 / 3, macro_f1=2 * accuracy / (1 + accuracy) / 3)
    nats = -sum(count * math.log(train[tag] / sum(train)) for tag, count in enumerate(scored)) / sum(scored)
    found = dict(accuracy=accuracy, **means, micro_f1=accuracy, unknown_accuracy=max(unknown) / sum(unknown), loss=nats)
    return {name: (value, 1e-5) for name, value in found.items()}
