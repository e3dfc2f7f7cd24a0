"""A cache, filled token by token or in chunks, changes nothing."""

import numpy as np

from tests.encodings import small
from tests.encodings.compare import same
from tests.encodings.contract.checks import check_of_caches

# Sequences that end here are read at once, where logits depend on the length of a sequence: each is compiled anew.
ENDS = (1, 8, 16, 17, 19, 21, 24)


def read(model, variables, tokens, pos, segments, chunks):
    """Logits of reading in chunks with a cache that has a few slots more than needed."""
    pos = small.lift(model.encoding, pos)
    cache, said, start = model.empty_cache(tokens.shape[0], small.LENGTH + 3, pos), [], 0
    for size in chunks:
        part = slice(start, start + size)
        logits, cache = small.step(model, variables, tokens[:, part], pos[:, part], segments[:, part], cache)
        said.append(np.asarray(logits))
        start += size
    return np.concatenate(said, axis=1)


def logits_as_read(model, tokens, pos, chunk: int):
    """(places_N, logits_BNV) without a cache. Where they depend on the length of the sequence, each chunk ends one."""
    if not model.encoding.depends_on_length:
        return np.arange(tokens.shape[1]), small.logits(model, tokens, pos)
    ends = [end for end in ENDS if end % chunk == 0]
    parts = [small.logits(model, tokens[:, :end], pos[:, :end])[:, end - chunk :] for end in ends]
    return np.concatenate([np.arange(end - chunk, end) for end in ends]), np.concatenate(parts, axis=1)


@check_of_caches
def decoding_with_a_cache_equals_reading_at_once(encoding):
    model, tokens, pos = small.model(encoding), small.tokens(), small.positions()
    segments, variables = np.zeros_like(tokens), small.stacked(small.params(model), encoding.period)
    by_token, by_chunk = (small.model(encoding, scan_layers=True, block_size=size) for size in (None, 5))
    places, at_once = logits_as_read(model, tokens, pos, 1)
    same(read(by_token, variables, tokens, pos, segments, 24 * [1])[:, places], at_once, 'token by token')
    chunks = read(by_chunk, variables, tokens, pos, segments, 3 * [8])
    places, at_once = logits_as_read(model, tokens, pos, 8)
    same(chunks[:, places], at_once, 'in chunks of 8, keys in blocks of 5')


@check_of_caches
def decoding_takes_prompts_of_different_lengths(encoding):
    model, tokens = small.model(encoding), small.tokens()
    variables = small.stacked(small.params(model), encoding.period)
    of_token, of_chunk = (small.model(encoding, scan_layers=True, block_size=size) for size in (None, 5))
    prompts = np.array([3, 8, 5, 1])
    segments = np.where(np.arange(small.LENGTH) < 8 - prompts[:, None], -1, 0).astype(np.int32)
    pos = small.packed(segments)
    left = np.stack([np.roll(row, 8 - prompt) for row, prompt in zip(tokens, prompts)])
    by_token = read(of_token, variables, left, pos, segments, 24 * [1])
    by_chunk = read(of_chunk, variables, left, pos, segments, 3 * [8])
    places, at_once = logits_as_read(model, tokens, small.positions(), 1)
    for row, prompt in enumerate(prompts):
        real, what = prompt + 16, f'a prompt of {prompt} tokens in a batch of others'
        ours, wanted = 8 - prompt + places[places < real], at_once[row, places < real]
        same(by_token[row, ours], wanted, what)
        if encoding.depends_on_length:
            whole = small.logits(model, tokens[:, :real], small.positions(length=real))
            same(by_chunk[row, -8:], whole[row, -8:], what)
        else:
            same(by_chunk[row, ours], wanted, what)
