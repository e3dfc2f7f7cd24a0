"""Far beyond any training length: what no output may owe to later tokens, to other documents, or to their number."""

import numpy as np

from tests.encodings import long, small
from tests.encodings.compare import different, same
from tests.encodings.contract.checks import check, check_of_caches

# So few keys that a threshold on their number is likely to lie above, in a sequence and in a block of one.
PREFIX, BLOCK = 24, 150
PLAIN, CHANGED, PACKED = range(3)


def _unheard(gradient_LD, may_be_heard_L, who: str) -> None:
    """Raises unless the gradient by all other tokens is 0, in every bit."""
    gradient_L = np.abs(gradient_LD).max(axis=1)
    assert gradient_L[may_be_heard_L].any(), f'{who} hear nothing at all'
    heard = np.flatnonzero(np.where(may_be_heard_L, 0, gradient_L))
    assert not len(heard), (
        f'{who} depend on {len(heard)} tokens that they must not hear; the first is at place {heard[0]}, with a '
        f'gradient of {gradient_L[heard[0]]:.2g}, wanted 0'
    )


@check
def no_output_depends_on_a_later_token_however_long_the_sequence(encoding):
    states, gradient = long.read(encoding)
    place = np.arange(long.length(encoding))
    for row, cut in ((PLAIN, long.EARLY_CUT), (CHANGED, long.CUT)):
        _unheard(gradient[row], place < cut, f'outputs before place {cut} of {len(place)}')
    before, after = slice(long.CUT), slice(long.CUT, None)
    same(states[CHANGED, before], states[PLAIN, before], f'other tokens from place {long.CUT} on: outputs before it')
    different(states[CHANGED, after], states[PLAIN, after], f'other tokens from place {long.CUT} on: outputs after it')


@check
def no_output_depends_on_another_document_however_far(encoding):
    states, gradient = long.read(encoding)
    first, second = long.documents(encoding)
    place, shift = np.arange(long.length(encoding)), long.SHIFT if encoding.shift_invariant else 0
    _unheard(gradient[PACKED], (place >= second.start) & (place < second.stop), 'outputs of the second document')
    # Otherwise they are shorter than the row that they are compared with.
    if not encoding.depends_on_length:
        for part, what in ((first, 'after padding'), (second, f'after another one, with positions from {shift} on')):
            wanted = states[PLAIN, : part.stop - part.start]
            same(states[PACKED, part], wanted, f'a document {what}, beside one that begins its row')


@check
def how_many_tokens_follow_changes_nothing_unless_claimed_otherwise(encoding):
    whole = long.read(encoding).states_RLD[PLAIN]
    # What is chosen by the length may be one thing from `original_length` on.
    few = min(PREFIX, getattr(encoding, 'original_length', PREFIX)) if encoding.depends_on_length else PREFIX
    what = f'the first {few} of {len(whole)} tokens, beside the same {few} alone'
    (different if encoding.depends_on_length else same)(long.plain(encoding, few), whole[:few], what)


@check_of_caches
def blocks_of_a_long_sequence_change_nothing(encoding):
    whole = long.read(encoding).states_RLD[PLAIN]
    same(long.plain(encoding, len(whole), block_size=BLOCK), whole, f'{len(whole)} tokens in blocks of {BLOCK}')


@check_of_caches
def decoding_far_along_equals_reading_at_once(encoding):
    whole = long.read(encoding).states_RLD[PLAIN]
    # Where the length of the sequence matters, only the last token has seen all of it.
    places = slice(len(whole) - 1 if encoding.depends_on_length else 0, None)
    what = f'{len(whole)} tokens with a cache, in chunks of {long.CHUNK} and then one by one'
    same(long.decoded(encoding)[places], whole[places], what)


@check
def far_outputs_and_gradients_are_finite(encoding):
    """Where `out_of_range='nan'` is the policy, tokens past the table are NaN, all of them, and 'clip' is finite."""
    states, gradient = long.read(encoding)
    for row, name in enumerate(('a long sequence', 'positions past a million', 'documents beside padding')):
        for what, number_RLD in (('outputs', states), ('gradients', gradient)):
            bad = np.flatnonzero(~np.isfinite(number_RLD[row]).all(axis=1))
            assert not len(bad), f'{what} of {name}: {len(bad)} of {len(states[row])} are not finite, from {bad[0]} on'
    if getattr(encoding, 'out_of_range', None) == 'nan':
        model, tokens = small.model(encoding, layers=1), encoding.max_length + small.LENGTH
        logits = small.logits(model, small.tokens(1, tokens), small.positions(1, tokens))
        assert np.isnan(logits[:, encoding.max_length :]).all(), 'a token past the table is not NaN'
