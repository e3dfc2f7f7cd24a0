"""An encoder and a decoder that reads it. tests/pretrained/test_t5.py compares them with those of transformers."""

import jax
import numpy as np
import pytest

from posbench import encodings
from posbench.models.encoder_decoder import EncoderDecoder, hidden_states
from posbench.models.style import Style
from tests.encodings import small

BATCH, KEYS, LENGTH = 2, 9, 8


def build(**fields):
    encoder = small.model(encodings.build('t5_bias', bidirectional=True), kind='encoder', layers=2, **fields)
    return EncoderDecoder(encoder, small.model(encodings.build('rotary'), layers=2, **fields))


MODEL = build()
TOKENS_BM, TOKENS_BL = small.tokens(BATCH, KEYS, seed=1), small.tokens(BATCH, LENGTH, seed=2)
POS_BM, POS_BL = small.positions(BATCH, KEYS), small.positions(BATCH, LENGTH)
ONE_BM, ONE_BL = np.zeros_like(TOKENS_BM), np.zeros_like(TOKENS_BL)
apply = jax.jit(lambda *args: MODEL.apply(*args))


@pytest.fixture(scope='module')
def variables():
    return jax.jit(MODEL.init)(jax.random.key(0), TOKENS_BM, POS_BM, TOKENS_BL, POS_BL)


def logits(
    variables, tokens_BM=TOKENS_BM, tokens_BL=TOKENS_BL, pos_BM=POS_BM, pos_BL=POS_BL, segments=(ONE_BM, ONE_BL)
):
    return np.asarray(apply(variables, tokens_BM, pos_BM, tokens_BL, pos_BL, *segments))


def changed(tokens, place):
    """The same ids but for one token of each row."""
    tokens = tokens.copy()
    tokens[:, place] = (tokens[:, place] + 1) % small.VOCABULARY
    return tokens


def test_the_halves_share_token_vectors_and_own_everything_else(variables):
    params = variables['params']
    assert set(params) == {'encoder', 'decoder'}
    assert 'input_layer' in params['decoder'] and 'input_layer' not in params['encoder']
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
    cache, wanted, half = MODEL.decoder.empty_cache(BATCH, LENGTH), logits(variables), LENGTH // 2
    encoded = MODEL.apply(variables, TOKENS_BM, POS_BM, method='encode')
    decode = jax.jit(lambda *args, cache: MODEL.apply(*args, cache=cache, method='decode'))
    for start in (0, half):
        some = slice(start, start + half)
        got, cache = decode(variables, encoded, TOKENS_BL[:, some], POS_BL[:, some], cache=cache)
        np.testing.assert_allclose(got, wanted[:, some], rtol=0, atol=1e-5)


def test_a_decoder_without_segments_reads_all_that_is_no_padding_with_a_cache_too(variables):
    segments = np.where(POS_BM < 6, 1 + POS_BM % 2, -1).astype(np.int32)
    encoded = MODEL.apply(variables, TOKENS_BM, POS_BM, segments, method='encode')
    decode = jax.jit(lambda cache: MODEL.apply(variables, encoded, TOKENS_BL, POS_BL, cache=cache, method='decode'))
    wanted, got = decode(None), decode(MODEL.decoder.empty_cache(BATCH, LENGTH))[0]
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)
    unread = MODEL.apply(variables, encoded._replace(segment_ids_BM=-ONE_BM - 1), TOKENS_BL, POS_BL, method='decode')
    assert np.abs(unread - wanted).max() > 1e-2


def test_blocks_scans_and_recomputation_change_no_number():
    style = dict(qk_norm=True, style=Style(norm='layer', key_value_heads=2))
    plain, other = build(**style), build(**style, scan_layers=True, remat=True, block_size=4)
    inputs = TOKENS_BM, POS_BM, TOKENS_BL, POS_BL
    params = jax.jit(plain.init)(jax.random.key(0), *inputs)['params']
    stacked = {half: small.stacked({'params': tree})['params'] for half, tree in params.items()}
    run = jax.jit(hidden_states, static_argnums=0)
    for wanted, got in zip(jax.tree.leaves(run(plain, params, *inputs)), jax.tree.leaves(run(other, stacked, *inputs))):
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_halves_that_do_not_fit_together_are_refused():
    def refused(model, words):
        with pytest.raises(ValueError, match=words):
            jax.eval_shape(model.init, jax.random.key(0), TOKENS_BM, POS_BM, TOKENS_BL, POS_BL)

    refused(EncoderDecoder(MODEL.decoder, MODEL.encoder), 'got decoder and encoder, wanted an encoder and a decoder')
    wide = MODEL.encoder.clone(width=64)
    refused(EncoderDecoder(wide, MODEL.decoder), 'got width=64 of the encoder and 32 of the decoder, wanted the same')


def test_an_encoder_reads_no_other_sequence(variables):
    encoded = MODEL.apply(variables, TOKENS_BM, POS_BM, method='encode')
    with pytest.raises(ValueError, match="got encoded with kind='encoder', wanted kind='decoder'"):
        MODEL.encoder.init(jax.random.key(0), TOKENS_BL, POS_BL, encoded=encoded)
