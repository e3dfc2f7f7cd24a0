"""What comes before what: causal attention, longer contexts, shifted positions, and what an encoder may tell."""

import numpy as np

from posbench.models import attention
from tests.encodings import small
from tests.encodings.compare import SAME, different, refused, same
from tests.encodings.contract.checks import check

SHIFT = 37


@check
def later_tokens_leave_earlier_logits_alone(encoding):
    model, tokens, pos = small.shallow(encoding), small.tokens(), small.positions()
    changed = tokens.copy()
    changed[:, 9:] = (changed[:, 9:] + 1) % small.VOCABULARY
    before, after = small.logits(model, tokens, pos), small.logits(model, changed, pos)
    same(after[:, :9], before[:, :9], 'logits before a change')
    different(after[:, 9:], before[:, 9:], 'logits after a change')


@check
def a_longer_context_leaves_the_prefix_alone_unless_claimed_otherwise(encoding):
    if encoding.depends_on_length:
        if not hasattr(encoding, 'original_length'):
            # Asked where both lengths are far apart, in far.py.
            return
        # So that the longer of the two is past the length at which the spectrum changes.
        encoding = encoding.clone(parent=None, original_length=16)
    model, tokens, pos = small.shallow(encoding), small.tokens(), small.positions()
    short = small.logits(model, tokens[:, :12], pos[:, :12])
    long = small.logits(model, tokens, pos)[:, :12]
    if encoding.depends_on_length:
        different(long, short, 'claims depends_on_length: logits of the first 12 of 24 tokens')
    else:
        same(long, short, 'logits of the first 12 of 24 tokens')


@check
def adding_one_number_to_all_positions_does_what_is_claimed(encoding):
    model, tokens, pos = small.shallow(encoding), small.tokens(), small.positions()
    pos = small.lift(encoding, pos)
    before, after = small.logits(model, tokens, pos), small.logits(model, tokens, pos + SHIFT)
    if encoding.shift_invariant:
        same(after, before, f'claims shift_invariant: logits after a shift by {SHIFT}', 4 * SAME)
    else:
        different(after, before, f'does not claim shift_invariant: logits after a shift by {SHIFT}')


@check
def what_needs_causal_attention_is_refused_in_an_encoder(encoding):
    if not encoding.needs_causal:
        return
    in_an_encoder = small.model(encoding, name='encoder')
    refused(lambda: small.params(in_an_encoder), 'an encoder', 'got an encoder, wanted a decoder')
    x = np.zeros((1, 3, 4, 8), np.float32)
    given = dict(encoding=encoding, pos_q_BL=small.positions(1, 3), pos_k_BM=small.positions(1, 3), causal=False)
    refused(lambda: attention.attend(x, x, x, **given), 'attention to both sides', 'causal=False')


@check
def only_the_causal_mask_tells_order_where_claimed(encoding):
    if encoding.needs_causal:
        assert not encoding.causal_only and encoding.reads_order, 'claims needs_causal, and so reads_order'
        return
    model, tokens, pos = small.shallow(encoding, name='encoder'), small.tokens(), small.positions()
    order = np.random.default_rng(3).permutation(small.LENGTH)
    moved = small.logits(model, tokens[:, order], pos)
    along = small.logits(model, tokens, pos)[:, order]
    if encoding.causal_only:
        same(moved, along, 'claims causal_only: an encoder told the order of its tokens')
    else:
        different(moved, along, 'does not claim causal_only: an encoder could not tell the order of its tokens')


@check
def where_an_encoder_stores_a_token_does_not_matter_unless_claimed_otherwise(encoding):
    if encoding.needs_causal:
        return
    model, tokens, pos = small.shallow(encoding, name='encoder'), small.tokens(), small.positions()
    order = np.random.default_rng(3).permutation(small.LENGTH)
    stored = small.logits(model, tokens[:, order], pos[:, order])
    if encoding.reads_order:
        different(stored, small.logits(model, tokens, pos)[:, order], 'claims reads_order: stored in another order')
    else:
        same(stored, small.logits(model, tokens, pos)[:, order], 'tokens stored in another order')


@check
def an_encoder_sees_both_sides_but_no_padding(encoding):
    if encoding.needs_causal:
        return
    model, tokens, pos = small.shallow(encoding, name='encoder'), small.tokens(), small.positions()
    segments = np.where(np.arange(small.LENGTH) < 18, 0, -1).astype(np.int32) + np.zeros_like(tokens)
    before = small.logits(model, tokens, pos, segments)
    for place, seen in ((17, True), (20, False)):
        changed = tokens.copy()
        changed[:, place] = (changed[:, place] + 1) % small.VOCABULARY
        after = small.logits(model, changed, pos, segments)
        (different if seen else same)(after[:, :17], before[:, :17], f'another token at place {place} of 18')
