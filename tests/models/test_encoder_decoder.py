"""An encoder and a decoder that reads it. tests/pretrained/test_t5.py compares them with those of transformers."""

import jax
import numpy as np
import pytest

from posbench import encodings
from posbench.heads import tied
from posbench.inputs import tokens
from posbench.models import encoder_decoder, model
from posbench.models.build import assemble
from posbench.models.style import Style
from tests.encodings import small

BATCH, KEYS, LENGTH = 2, 9, 8


def halves(**fields):
    encoder = small.model(encodings.build('t5_bias', bidirectional=True), name='encoder', layers=2, **fields)
    return encoder.body, small.model(encodings.build('rotary'), layers=2, **fields).body


def build(**fields):
    body = encoder_decoder.of_halves(*halves(**fields))
    return assemble(input_layer=tokens.Input(), body=body, head=tied.Head(), vocabulary=small.VOCABULARY)


MODEL = build()
TOKENS_BM, TOKENS_BL = small.tokens(BATCH, KEYS, seed=1), small.tokens(BATCH, LENGTH, seed=2)
POS_BM, POS_BL = small.positions(BATCH, KEYS), small.positions(BATCH, LENGTH)
ONE_BM, ONE_BL = np.zeros_like(TOKENS_BM), np.zeros_like(TOKENS_BL)
BATCH_OF_BOTH = dict(source_BM=TOKENS_BM, source_pos_BM=POS_BM, inputs_BL=TOKENS_BL, pos_BL=POS_BL)
outputs = jax.jit(lambda variables, batch: MODEL.apply(variables, batch, method='outputs'))
encode = jax.jit(lambda *arguments: MODEL.apply(*arguments, method='encode'))
apply = jax.jit(lambda *arguments, **more: MODEL.apply(*arguments, **more))


def initial(model):
    return jax.jit(lambda rng: model.init(rng, BATCH_OF_BOTH, method='outputs'))(jax.random.key(0))


@pytest.fixture(scope='module')
def variables():
    return initial(MODEL)


def logits(
    variables, tokens_BM=TOKENS_BM, tokens_BL=TOKENS_BL, pos_BM=POS_BM, pos_BL=POS_BL, segments=(ONE_BM, ONE_BL)
):
    batch = dict(source_BM=tokens_BM, source_pos_BM=pos_BM, source_segment_ids_BM=segments[0])
    return np.asarray(outputs(variables, batch | dict(inputs_BL=tokens_BL, pos_BL=pos_BL, segment_ids_BL=segments[1])))


def changed(tokens_BL, place):
    """The same ids but for one token of each row."""
    tokens_BL = tokens_BL.copy()
    tokens_BL[:, place] = (tokens_BL[:, place] + 1) % small.VOCABULARY
    return tokens_BL


def test_the_halves_share_token_vectors_and_own_everything_else(variables):
    params = variables['params']
    assert set(params) == {'input_layer', 'encoder', 'decoder'} and set(params['input_layer']) == {'vectors'}
    blocks = [set(params[half]['block_1']) for half in ('encoder', 'decoder')]
    assert blocks[1] - blocks[0] == {'cross_attention', 'cross_attention_norm'} and blocks[0] <= blocks[1]


def test_a_token_reads_the_whole_other_sequence_and_nothing_after_itself(variables):
    before = logits(variables)
    for place in (0, KEYS - 1):
        difference = np.abs(logits(variables, tokens_BM=changed(TOKENS_BM, place)) - before).max(axis=2)
        assert difference.min() > 1e-4, place
    after = logits(variables, tokens_BL=changed(TOKENS_BL, 5))
    np.testing.assert_array_equal(after[:, :5], before[:, :5])
    assert np.abs(after - before).max(axis=2)[:, 5:].min() > 1e-4


def test_padding_of_the_other_sequence_is_not_heard(variables):
    segments = np.where(POS_BM < 6, 0, -1).astype(np.int32), ONE_BL
    before = logits(variables, segments=segments)
    after = logits(variables, tokens_BM=changed(TOKENS_BM, slice(6, None)), segments=segments)
    np.testing.assert_array_equal(after, before)
    assert np.abs(before - logits(variables)).max() > 1e-3


def test_packed_documents_read_their_own_document_of_the_other_sequence(variables):
    """Two documents in the first row, of which the second one stands alone at the start of the second row."""
    tokens_BM, tokens_BL = TOKENS_BM.copy(), TOKENS_BL.copy()
    pos_BM, pos_BL = POS_BM.copy(), POS_BL.copy()
    pos_BM[0, 4:], pos_BL[0, 3:] = np.arange(5), np.arange(5)
    tokens_BM[1, :5], tokens_BL[1, :5] = tokens_BM[0, 4:], tokens_BL[0, 3:]
    segments = ONE_BM.copy(), ONE_BL.copy()
    segments[0][0, 4:], segments[1][0, 3:] = 1, 1
    segments[0][1, 5:], segments[1][1, 5:] = -1, -1
    got = logits(variables, tokens_BM, tokens_BL, pos_BM, pos_BL, segments)
    np.testing.assert_allclose(got[0, 3:], got[1, :5], rtol=0, atol=1e-5)


def test_a_cache_goes_on_where_it_was_left(variables):
    cache, wanted, half = MODEL.empty_cache(BATCH, LENGTH), logits(variables), LENGTH // 2
    encoded = encode(variables, TOKENS_BM, POS_BM)
    for start in (0, half):
        some = slice(start, start + half)
        got, cache = apply(variables, TOKENS_BL[:, some], POS_BL[:, some], encoded=encoded, cache=cache)
        np.testing.assert_allclose(got, wanted[:, some], rtol=0, atol=1e-5)


def test_a_decoder_without_segments_reads_all_that_is_no_padding_with_a_cache_too(variables):
    segments = np.where(POS_BM < 6, 1 + POS_BM % 2, -1).astype(np.int32)
    encoded, target = encode(variables, TOKENS_BM, POS_BM, segments), (TOKENS_BL, POS_BL)
    wanted = apply(variables, *target, encoded=encoded)
    got, _ = apply(variables, *target, encoded=encoded, cache=MODEL.empty_cache(BATCH, LENGTH))
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)
    unread = apply(variables, *target, encoded=encoded._replace(segment_ids_BM=-ONE_BM - 1))
    assert np.abs(unread - wanted).max() > 1e-2


def test_blocks_scans_and_recomputation_change_no_number():
    style = dict(qk_norm=True, style=Style(norm='layer', key_value_heads=2))
    plain, other = build(**style), build(**style, scan_layers=True, remat=True, block_size=4)
    both = (TOKENS_BM, POS_BM, None), (TOKENS_BL, POS_BL, None)
    params = initial(plain)['params']
    stacked = {half: small.stacked({'params': params[half]})['params'] for half in ('encoder', 'decoder')}
    run = jax.jit(model.hidden_states_of_both, static_argnums=0)
    states = run(plain, params, *both), run(other, params | stacked, *both)
    for wanted, got in zip(*map(jax.tree.leaves, states), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_halves_that_do_not_fit_together_are_refused():
    encoder, decoder = halves()
    for pair, words in (
        ((decoder, encoder), 'got a decoder of width 32 and an encoder of width 32, wanted an encoder and a decoder'),
        ((encoder.clone(width=64), decoder), 'got an encoder of width 64 and .* 32, wanted .* of one width'),
    ):
        with pytest.raises(ValueError, match=words):
            encoder_decoder.of_halves(*pair)


def test_an_encoder_reads_no_other_sequence(variables):
    encoded, alone = encode(variables, TOKENS_BM, POS_BM), small.model(encodings.build('none'), name='encoder')
    with pytest.raises(ValueError, match='got encoded with an encoder, wanted a decoder'):
        alone.apply(small.params(alone), TOKENS_BL, POS_BL, encoded=encoded)
