"""Text from a decoder: what the cache gives is what reading everything again would give."""

import jax
import numpy as np
import pytest

from posbench import encodings, positions, streams
from posbench.positions import documents
from posbench.training import generate
from tests.encodings import small

PROMPTS = [small.tokens(1, length, seed=length)[0] for length in (7, 1, 4)]
NEW, LONGEST = 9, 7
MAPS = {
    'sequential': positions.build('sequential'),
    'randomized': positions.build('randomized', max_position=60),
    'randomized_distances': positions.build('randomized_distances', max_position=60),
    'shifted': positions.build('shifted'),
    'pose': positions.build('pose'),
    # Halves, which no table has.
    'cape': positions.build('cape', centred=True),
    'abacus': positions.build('abacus', digits=(3, 4, 5, 6)),
    'bipe': positions.build('bipe', separators=(3, 4, 5)),
    'grid': positions.build('grid', columns=4),
}


def decoder(encoding):
    return small.model(encoding, layers=1)


def new_tokens(model, position_map, prompts=PROMPTS, temperature=0.0, seed=0, **more) -> np.ndarray:
    options = dict(tokens=NEW, temperature=temperature, seed=seed) | more
    return generate.generate(model, small.params(model)['params'], position_map, prompts, **options)


def positions_of(position_map, tokens_BL, boundary):
    """Of rows that end where no more is written."""
    length_B1 = np.array([[len(prompt) + NEW] for prompt in PROMPTS])
    segments = None if boundary is None else documents.numbered(tokens_BL, boundary)
    if position_map.needs_segments:
        segments = np.where(np.arange(tokens_BL.shape[1]) < length_B1, 0 if segments is None else segments, -1)
    given = dict(tokens_BL=tokens_BL, segment_ids_BL=segments)
    drawn = position_map(streams.key(0, 'positions'), *tokens_BL.shape, train=False, **given)
    return drawn if isinstance(drawn, tuple) else np.array(drawn)


def check_greedy(model, position_map, got_BN, boundary=None):
    """Each new token is the likeliest one after reading all before it at once, without a cache or padding before it.

    Rows are filled up behind their last token, where a causal model does not look.
    """
    total = LONGEST + NEW
    tokens_BL = np.zeros((len(PROMPTS), total), np.int32)
    for row, prompt in enumerate(PROMPTS):
        tokens_BL[row, : len(prompt) + NEW] = np.concatenate([prompt, got_BN[row]])
    segments = None if boundary is None else documents.numbered(tokens_BL, boundary)
    drawn_BL = positions_of(position_map, tokens_BL, boundary)
    if boundary is not None and position_map.needs_segments:
        # How long a document will be is not known before it ends: a token keeps the position that it was written at.
        for number in range(NEW, -1, -1):
            written_BL = tokens_BL.copy()
            for row, prompt in enumerate(PROMPTS):
                written_BL[row, len(prompt) + number :] = 0
            then_BL = positions_of(position_map, written_BL, boundary)
            for row, prompt in enumerate(PROMPTS):
                before = len(prompt) + number
                drawn_BL[row, :before] = then_BL[row, :before]
    logits_BLV = small.logits(model, tokens_BL, drawn_BL, segments)
    for row, prompt in enumerate(PROMPTS):
        before = slice(len(prompt) - 1, len(prompt) - 1 + NEW)
        logits_NV, next_N = logits_BLV[row, before], tokens_BL[row, len(prompt) : len(prompt) + NEW]
        chosen_N = np.take_along_axis(logits_NV, next_N[:, None], axis=1)[:, 0]
        np.testing.assert_allclose(chosen_N, logits_NV.max(axis=1), rtol=0, atol=1e-4, err_msg=f'row {row}')


def test_greedy_tokens_are_those_without_a_cache(generating):
    """Prompts of different lengths, in one batch."""

    def of_several_axes(rng, batch_size, length, *, train):
        return small.lift(generating, MAPS['randomized'](rng, batch_size, length, train=train))

    position_map = positions.PositionMap(of_several_axes, ())
    got_BN = new_tokens(decoder(generating), position_map)
    assert got_BN.shape == (len(PROMPTS), NEW)
    check_greedy(decoder(generating), position_map, got_BN)


# Position coupling numbers the digits of an operand from its end, which is still to come while one is written.
@pytest.mark.parametrize('name', sorted(set(positions.names()) - {'coupled'}))
def test_greedy_tokens_are_those_without_a_cache_under_every_position_map(name):
    over = encodings.build('sinusoidal' if name == 'cape' else 'learned')
    of_one = name in ('sequential', 'randomized', 'randomized_distances', 'shifted', 'pose', 'cape')
    model = decoder(over if of_one else encodings.build('on_axis', over=over, axis=1))
    check_greedy(model, MAPS[name], new_tokens(model, MAPS[name]))


@pytest.mark.parametrize('name', ['sequential', 'randomized', 'abacus'])
def test_documents_that_were_kept_apart_in_training_are_kept_apart(name):
    """A token that is read and one that is written end a document: what follows sees nothing before it."""
    over = encodings.build('chain', first=encodings.build('learned'), second=encodings.build('fox'))
    model = decoder(encodings.build('on_axis', over=over) if name == 'abacus' else over)
    boundary = next(token for token in new_tokens(model, MAPS[name])[0, 1:] if token in PROMPTS[0])
    got_BN = new_tokens(model, MAPS[name], boundary=int(boundary))
    check_greedy(model, MAPS[name], got_BN, boundary)
    assert boundary in got_BN[0, :-1], 'nothing was written after the end of a document'
    assert (got_BN != new_tokens(model, MAPS[name])).any(), 'as if there was no border'


def test_scanned_layers_write_the_same():
    separate, scanned = (small.model(encodings.build('shaw'), scan_layers=scan) for scan in (False, True))
    params = small.stacked(small.params(separate))['params']
    arguments = dict(tokens=NEW, temperature=0.0)
    got = generate.generate(scanned, params, MAPS['sequential'], PROMPTS, **arguments)
    np.testing.assert_array_equal(got, new_tokens(separate, MAPS['sequential']))


@pytest.fixture(scope='module')
def rotary():
    return decoder(encodings.build('rotary'))


def test_one_seed_writes_one_text_and_others_write_others(rotary):
    first, again, other = (new_tokens(rotary, MAPS['sequential'], temperature=1.0, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_without_temperature_the_seed_does_not_matter(rotary):
    first, other = (new_tokens(rotary, MAPS['sequential'], seed=seed) for seed in (1, 2))
    np.testing.assert_array_equal(first, other)


def test_a_temperature_near_zero_is_the_likeliest_token_and_a_high_one_is_not(rotary):
    greedy = new_tokens(rotary, MAPS['sequential'])
    np.testing.assert_array_equal(new_tokens(rotary, MAPS['sequential'], temperature=1e-4), greedy)
    assert (new_tokens(rotary, MAPS['sequential'], temperature=5.0) != greedy).mean() > 0.3


def test_equal_prompts_of_a_batch_get_texts_of_their_own(rotary):
    rows = new_tokens(rotary, MAPS['sequential'], [PROMPTS[0]] * 3, temperature=1.0)
    assert len({tuple(row) for row in rows.tolist()}) == 3


def test_every_token_is_drawn_with_numbers_of_its_own(rotary):
    """At a temperature where the model hardly matters, equal numbers would give equal tokens."""
    rows_BN = new_tokens(rotary, MAPS['sequential'], temperature=1e6)
    for first in range(NEW):
        for second in range(first):
            assert (rows_BN[:, first] != rows_BN[:, second]).any(), (first, second)


def test_a_first_token_is_drawn_as_often_as_the_model_says(rotary):
    """At temperature 2: 3000 draws against softmax(logits / 2)."""
    prompt = PROMPTS[2]
    draws = generate.generate(
        rotary, small.params(rotary)['params'], MAPS['sequential'], [prompt] * 3000, tokens=1, temperature=2.0
    )[:, 0]
    logits_V = small.logits(rotary, prompt[None], small.positions(1, len(prompt)))[0, -1]
    wanted_V = np.asarray(jax.nn.softmax(logits_V / 2))
    got_V = np.bincount(draws, minlength=small.VOCABULARY) / 3000
    # Five standard errors.
    assert (np.abs(got_V - wanted_V) < 5 * np.sqrt(wanted_V / 3000)).all()


def test_prompts_are_padded_on_the_left():
    tokens_BL, segment_ids_BL = generate.prompts_as_batch([np.array([5, 6, 7]), np.array([8])])
    np.testing.assert_array_equal(tokens_BL, [[5, 6, 7], [0, 0, 8]])
    np.testing.assert_array_equal(segment_ids_BL, [[0, 0, 0], [-1, -1, 0]])


@pytest.mark.parametrize('prompts', [[], [np.array([1]), np.array([], int)]], ids=['none', 'empty'])
def test_no_prompt_is_an_error(rotary, prompts):
    with pytest.raises(ValueError, match='at least one token'):
        new_tokens(rotary, MAPS['sequential'], prompts)


def test_an_encoder_writes_nothing():
    model = small.model(encodings.build('none'), layers=1, name='encoder')
    with pytest.raises(ValueError, match='wanted a decoder'):
        generate.generate(model, {}, MAPS['sequential'], PROMPTS, tokens=NEW, temperature=0.0)


def test_more_tokens_than_there_are_positions_is_an_error(rotary):
    few = positions.build('randomized', max_position=LONGEST + NEW - 1)
    with pytest.raises(ValueError, match=f'got a length of {LONGEST + NEW}, wanted at most'):
        new_tokens(rotary, few)


@pytest.mark.parametrize('kind', ['learned', 'floater', 'music', 'tupe_a'])
def test_a_text_that_ends_with_a_table_is_written_and_a_longer_one_is_an_error(kind):
    table = decoder(encodings.build(kind, max_length=LONGEST + NEW - 1))
    # The last new token is not read.
    assert new_tokens(table, MAPS['sequential']).shape == (len(PROMPTS), NEW)
    with pytest.raises(ValueError, match=f'got a prompt of {LONGEST} tokens and {NEW + 1} new ones, wanted fewer than'):
        new_tokens(table, MAPS['sequential'], tokens=NEW + 1)
    short = decoder(encodings.build(kind, max_length=LONGEST - 1))
    with pytest.raises(ValueError, match=f'wanted fewer than {LONGEST} to be read'):
        new_tokens(short, MAPS['sequential'])
