"""The next token: windows looked for in the text that they were cut from."""

import functools
import math

import numpy as np

from posbench.datasets import baselines, text

SETTINGS = [{}, dict(separate_documents=True), dict(stride=8)]
OTHER = dict(separate_documents=True, stride=8)
UNHEARD = dict(on_device=False)
BEST = dict(perplexity=1.0)

SYLLABLES = ('a', 'bo', 'cil', 'u', 'ze', ' ')
SIZES = dict(train=6000, validation=2500, test=2500)
END = len(SYLLABLES)


@functools.cache
def dataset():
    """Syllables, one more frequent than the other, in documents of about 60 of them."""
    rng = np.random.default_rng(0)
    shares = np.array([8, 5, 3, 2, 2, 4, 0.4])
    tokens = {split: rng.choice(END + 1, size, p=shares / shares.sum()) for split, size in SIZES.items()}
    for tokens_N in tokens.values():
        tokens_N[-1] = END
    return text.Text(
        name='syllables',
        tokens={split: tokens_N.astype(np.int32) for split, tokens_N in tokens.items()},
        characters_V=np.array([*map(len, SYLLABLES), 0], np.int32),
        end_of_document=END,
        vocabulary=END + 1,
        tokenizer=None,
        baselines=text._with_tokens(baselines.characters(lambda split: documents(tokens[split])), tokens, Syllables()),
        fingerprint='syllables',
    )


class Syllables:
    vocabulary = END + 1
    characters_V = np.array([*map(len, SYLLABLES), 0])


def documents(tokens_N):
    """The texts that these tokens stand for."""
    found = ['']
    for token in tokens_N.tolist():
        if token == END:
            found.append('')
        else:
            found[-1] += SYLLABLES[token]
    return found[:-1]


def expected(task, batch, protocol):
    targets_BL = np.zeros_like(batch['inputs_BL'])
    weights_BL, segment_ids_BL = np.ones(targets_BL.shape, np.float32), np.zeros_like(targets_BL)
    length = targets_BL.shape[1]
    for row, inputs_L in enumerate(batch['inputs_BL'].tolist()):
        following = set()
        for split in ['train'] if protocol is None else ['validation', 'test']:
            tokens = dataset().tokens[split].tolist()
            for start in range(len(tokens) - length):
                if tokens[start : start + length] == inputs_L:
                    following.add(tokens[start + length])
        assert following, 'a window that is not in the text'
        # A short one may be in it twice.
        last = int(batch['targets_BL'][row, -1])
        assert last in following, 'a target that does not follow'
        targets_BL[row] = [*inputs_L[1:], last]
        for place in range(length):
            if protocol == 'sliding' and place < length - task.stride:
                weights_BL[row, place] = 0
            if task.separate_documents:
                if inputs_L[place] == END:
                    weights_BL[row, place] = 0
                segment_ids_BL[row, place] = sum(token == END for token in inputs_L[:place])
    more = dict(segment_ids_BL=segment_ids_BL) if task.separate_documents else {}
    return dict(targets_BL=targets_BL, weights_BL=weights_BL, **more)


def counted(task, split, length, batches):
    """Of frequencies in training: of tokens, and of characters with the ends of documents among them.

    The text has all of it; windows leave out what does not fill the last one, and in the bits of a character nothing
    is held back here for those that were never seen.
    """
    nats = nats_of(dataset().tokens['train'].tolist(), dataset().tokens[split].tolist())
    # The first token is no target.
    tokens = len(dataset().tokens[split])
    train, scored = (''.join(f'{one}.' for one in documents(dataset().tokens[name])) for name in ('train', split))
    bits = nats_of(train, scored) * len(scored) / math.log(2) / sum(character != '.' for character in scored)
    return dict(
        loss=(nats, 3 / tokens),
        perplexity=(math.exp(nats), 3 * math.exp(nats) / tokens),
        bits_per_character=(bits, 0.02),
    )


def nats_of(train, scored):
    """Mean of -log of the frequency in `train`, over the items of `scored`."""
    counts = {}
    for item in train:
        counts[item] = counts.get(item, 0) + 1
    return -sum(math.log(counts[item] / len(train)) for item in scored) / len(scored)
