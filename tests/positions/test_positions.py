"""Position maps: what they draw, from where, and when."""

import jax
import numpy as np
import pytest

from posbench import positions
from posbench.datasets.tokenizers import KINDS
from posbench.knobs import declared
from posbench.positions import documents


def key(seed=0):
    return jax.random.key(seed)


def test_sequential_positions_count_from_0():
    np.testing.assert_array_equal(positions.sequential(key(), 2, 5), [[0, 1, 2, 3, 4]] * 2)


def test_randomized_positions_rise_strictly_inside_their_range():
    for seed in range(20):
        pos = np.asarray(positions.randomized(key(seed), 3, 10, max_position=12))
        assert (np.diff(pos) > 0).all() and pos.min() >= 0 and pos.max() < 12
        assert (pos == pos[0]).all(), 'all rows share one draw'


def test_randomized_positions_take_every_number_equally_often():
    drawn = np.concatenate([positions.randomized(key(seed), 1, 5, max_position=10)[0] for seed in range(400)])
    counts = np.bincount(drawn, minlength=10)
    # 200 each; standard deviation 10 for 400 draws with probability 1/2.
    assert counts.min() > 150 and counts.max() < 250


def test_randomized_positions_are_drawn_at_evaluation_too():
    """Ruoss et al. 2023, and their answer in issue 1 of google-deepmind/randomized_positional_encodings."""
    for train in (True, False):
        first, second = (positions.randomized(key(seed), 1, 10, max_position=100, train=train) for seed in (0, 1))
        assert (np.asarray(first) != np.asarray(second)).any()


def test_as_many_randomized_positions_as_there_are_is_all_of_them():
    np.testing.assert_array_equal(positions.randomized(key(), 1, 7, max_position=7)[0], np.arange(7))


def test_more_randomized_positions_than_there_are_is_an_error():
    with pytest.raises(ValueError, match='got a length of 8, wanted at most max_position = 7'):
        positions.randomized(key(), 1, 8, max_position=7)


def test_randomized_distances_begin_with_0_and_never_repeat_it():
    drawn = np.array([positions.randomized_distances(key(seed), 1, 5, max_position=9)[0] for seed in range(200)])
    assert (drawn[:, 0] == 0).all() and (np.diff(drawn, axis=1) > 0).all() and drawn.max() == 8
    # 100 each of the eight numbers past 0; standard deviation 7.
    assert np.abs(np.bincount(drawn[:, 1:].ravel(), minlength=9)[1:] - 100).max() < 35
    with pytest.raises(ValueError, match='got a length of 10, wanted at most max_position = 9'):
        positions.randomized_distances(key(), 1, 10, max_position=9)


def test_shifted_positions_start_anywhere_below_the_limit_in_training():
    pos = np.asarray(positions.shifted(key(), 400, 5, max_shift=4, train=True))
    assert (np.diff(pos) == 1).all()
    assert set(pos[:, 0]) == {0, 1, 2, 3}, 'one number a sequence, max_shift itself left out'


def test_shifted_positions_start_at_0_at_evaluation():
    np.testing.assert_array_equal(positions.shifted(key(), 3, 5, train=False), [[0, 1, 2, 3, 4]] * 3)


def test_a_gap_in_training_leaves_two_runs_of_positions():
    pos = np.asarray(positions.pose(key(), 2000, 6, target_length=9, train=True))
    steps = np.diff(pos, axis=1)
    assert (pos[:, 0] == 0).all() and ((steps != 1).sum(axis=1) <= 1).all() and pos.max() == 8
    # The gap adds 0 to 3, and where it is seen it follows the first, second or third token.
    np.testing.assert_allclose(np.bincount(pos[:, -1] - 5) / 2000, 1 / 4, atol=0.05)
    np.testing.assert_allclose((steps > 1).mean(axis=0), [1 / 4] * 3 + [0] * 2, atol=0.05)
    with pytest.raises(ValueError, match='got a length of 10, wanted at most target_length = 9'):
        positions.pose(key(), 1, 10, target_length=9, train=True)


def test_a_grid_is_read_line_by_line():
    pos = positions.grid(key(), 2, 7, columns=3)
    np.testing.assert_array_equal(pos[0].T, [[0, 0, 0, 1, 1, 1, 2], [0, 1, 2, 0, 1, 2, 0]])
    np.testing.assert_array_equal(pos[0], pos[1])


def test_a_grid_with_rows_is_read_page_by_page():
    pos = positions.grid(key(), 1, 9, columns=2, rows=2)
    wanted = [[0, 0, 0, 0, 1, 1, 1, 1, 2], [0, 0, 1, 1, 0, 0, 1, 1, 0], [0, 1, 0, 1, 0, 1, 0, 1, 0]]
    np.testing.assert_array_equal(pos[0].T, wanted)


def test_a_grid_without_a_number_of_columns_is_a_square_of_any_size():
    for side in (1, 2, 3):
        wanted = positions.grid(key(), 2, side**2, columns=side)
        np.testing.assert_array_equal(positions.grid(key(), 2, side**2, columns=None), wanted)
    with pytest.raises(ValueError, match='got a length of 8, wanted a square where columns is None'):
        positions.grid(key(), 1, 8, columns=None)


def test_a_grid_of_any_size_is_drawn_on_one_of_a_span():
    pos = positions.grid(key(), 2, 16, columns=None, span=4)
    assert pos.dtype == np.float32
    np.testing.assert_array_equal(pos, positions.grid(key(), 2, 16, columns=4))
    # Twice as many: the middles of two patches lie a quarter of a patch beside that of the one they were.
    pos = positions.grid(key(), 1, 64, columns=None, span=4)
    np.testing.assert_allclose(pos[0, :8, 1], [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3])
    np.testing.assert_allclose(pos[0, ::8, 0], pos[0, :8, 1])
    with pytest.raises(ValueError, match='got span=4 with columns=16 and rows=None, wanted both None'):
        positions.grid(key(), 1, 16, span=4)


def test_a_grid_starts_anew_with_each_document():
    segments = np.array([[0, 0, 0, 0, 1, 1, 1]], np.int32)
    pos = positions.build('grid', columns=3)(key(), 1, 7, train=False, segment_ids_BL=segments)
    np.testing.assert_array_equal(pos[0].T, [[0, 0, 0, 1, 0, 0, 0], [0, 1, 2, 0, 0, 1, 2]])


def test_packed_positions_restart_with_every_segment_and_after_padding():
    segments = np.array([[0, 0, 0, 1, 1, 2, -1, -1], [-1, -1, 0, 0, 0, 0, 7, 7], [3, 3, 3, 3, 3, 3, 3, 3]])
    wanted = [[0, 1, 2, 0, 1, 0, 0, 1], [0, 1, 0, 1, 2, 3, 0, 1], [0, 1, 2, 3, 4, 5, 6, 7]]
    np.testing.assert_array_equal(documents.packed(segments), wanted)


def test_sizes_are_those_of_documents_and_of_padding():
    segments = np.array([[0, 0, 0, 1, 1, 2, -1, -1], [-1, 0, 0, 0, 0, 0, 0, 0], [3, 3, 3, 3, 3, 3, 3, 3]])
    wanted = [[3, 3, 3, 2, 2, 1, 2, 2], [1, 7, 7, 7, 7, 7, 7, 7], [8] * 8]
    np.testing.assert_array_equal(documents.sizes(segments), wanted)


# Five tokens and padding behind or before them, and two documents, the first one with five tokens.
SEGMENTS = np.array([[0] * 5 + [-1] * 4, [-1] * 4 + [0] * 5, [0] * 5 + [1] * 4], np.int32)
FIVE = (slice(0, 5), slice(4, 9), slice(0, 5))


@pytest.mark.parametrize(
    'name, first, options',
    [
        ('randomized', 0, dict(max_position=10)),
        # Of distances the first one is always 0.
        ('randomized_distances', 1, dict(max_position=11)),
    ],
)
def test_a_document_of_a_longer_row_has_any_numbers_like_one_that_is_alone(name, first, options):
    position_map = positions.build(name, **options)
    draw = jax.jit(jax.vmap(lambda rng: position_map(rng, 3, 9, train=True, segment_ids_BL=SEGMENTS)))
    pos_NBL = np.asarray(draw(jax.random.split(key(), 400)))
    for row, five in enumerate(FIVE):
        drawn_NL = pos_NBL[:, row, five]
        assert (np.diff(drawn_NL, axis=1) > 0).all() and (first == 0 or (drawn_NL[:, 0] == 0).all())
        counts = np.bincount(drawn_NL[:, first:].ravel(), minlength=10 + first)[first:]
        # 200 or 160 each; standard deviation 10 for 400 draws.
        assert len(counts) == 10 and np.abs(counts - 40 * (5 - first)).max() < 50
    assert (np.diff(pos_NBL[:, 2, 5:], axis=1) > 0).all()
    alone_N = np.array([position_map(one, 1, 5, train=True)[0, -1] for one in jax.random.split(key(1), 100)])
    assert abs(alone_N.mean() - pos_NBL[:, 0, 4].mean()) < 0.7


@pytest.mark.parametrize('name', ['randomized', 'randomized_distances', 'pose', 'cape', 'shifted', 'grid'])
@pytest.mark.parametrize('train', [True, False])
def test_a_document_that_fills_its_row_has_the_positions_of_a_row_without_documents(name, train):
    position_map = positions.build(name, **({'grid': dict(columns=None)}.get(name, {})))
    wanted = position_map(key(2), 3, 9, train=train)
    found = position_map(key(2), 3, 9, train=train, segment_ids_BL=np.zeros((3, 9), np.int32))
    np.testing.assert_array_equal(found, np.broadcast_to(wanted, found.shape))


def test_a_gap_is_that_of_a_document_of_its_length():
    segments = np.repeat(SEGMENTS[:1], 3000, axis=0)
    pos = np.asarray(positions.build('pose', target_length=9)(key(), 3000, 9, train=True, segment_ids_BL=segments))
    steps = np.diff(pos[:, :5], axis=1)
    assert (pos[:, 0] == 0).all() and ((steps != 1).sum(axis=1) <= 1).all() and pos[:, :5].max() == 8
    np.testing.assert_allclose(np.bincount(pos[:, 4] - 4) / 3000, 1 / 5, atol=0.04)
    np.testing.assert_allclose((steps > 1).mean(axis=0), [4 / 15] * 3 + [0], atol=0.04)


def test_the_middle_and_the_page_are_those_of_a_document():
    segments = np.array([[0, 0, 0, 0, 1, 1, 1, -1, -1]], np.int32)
    pos = positions.build('cape', centred=True)(key(), 1, 9, train=False, segment_ids_BL=segments)
    np.testing.assert_array_equal(pos[0, :7], [-1.5, -0.5, 0.5, 1.5, -1, 0, 1])
    pos = positions.build('grid', columns=None)(key(), 1, 9, train=False, segment_ids_BL=segments)
    np.testing.assert_array_equal(pos[0, :7].T, [[0, 0, 1, 1, 0, 0, 1], [0, 1, 0, 1, 0, 1, 0]])


@pytest.mark.parametrize('name', positions.names())
@pytest.mark.parametrize('train', [True, False])
def test_every_map_gives_rows_of_numbers_from_a_key_and_tokens(name, train):
    position_map = positions.build(name)
    draw = jax.jit(lambda rng: position_map(rng, 4, 6, train=train, tokens_BL=NUMBERS))
    pos = draw(key(3))
    parts = pos if isinstance(pos, tuple) else (pos,)
    for part, again in zip(parts, jax.tree.leaves(position_map(key(3), 4, 6, train=train, tokens_BL=NUMBERS))):
        assert part.dtype == (np.float32 if name == 'cape' else np.int32)
        np.testing.assert_array_equal(part, again)
    shapes = [(1, 6)] if name in ('sequential', 'randomized', 'randomized_distances', 'grid') else [(4, 6)]
    shapes = [(1, 6), (4, 6)] if name in ('abacus', 'coupled') else shapes
    assert [part.shape[:2] for part in parts] == shapes, 'one row exactly where all sequences share it'


@pytest.mark.parametrize('name', ['abacus', 'coupled'])
@pytest.mark.parametrize('train', [True, False])
def test_coordinates_that_rows_share_are_those_of_the_map(name, train):
    pos_BLA = getattr(positions, name)(key(3), 4, 6, tokens_BL=NUMBERS, train=train)
    first_1L, second_BL = positions.build(name)(key(3), 4, 6, tokens_BL=NUMBERS, train=train)
    np.testing.assert_array_equal(np.stack([np.tile(first_1L, (4, 1)), second_BL], axis=-1), pos_BLA)
    segments = np.array([[0, 0, 0, 1, 1, 1]] * 4, np.int32)
    given = dict(tokens_BL=NUMBERS, segment_ids_BL=segments, train=train)
    np.testing.assert_array_equal(
        positions.build(name)(key(3), 4, 6, **given), getattr(positions, name)(key(3), 4, 6, **given)
    )


# Bytes of 'a12345', 'x=37+8', '999999' and 'abcdef'.
NUMBERS = np.array([list(text.encode()) for text in ('a12345', 'x=37+8', '999999', 'abcdef')], np.int32)


def test_abacus_counts_the_digits_of_each_number():
    """Figure 2 of arXiv 2405.17399: digits of equal place get equal numbers."""
    pos = np.asarray(positions.abacus(key(), 4, 6, tokens_BL=NUMBERS))
    np.testing.assert_array_equal(pos[..., 0], np.tile(np.arange(6), (4, 1)))
    wanted = [[0, 1, 2, 3, 4, 5], [0, 0, 1, 2, 0, 1], [1, 2, 3, 4, 5, 6], [0] * 6]
    np.testing.assert_array_equal(pos[..., 1], wanted)
    for seed in range(5):
        moved = np.asarray(positions.abacus(key(seed), 4, 6, tokens_BL=NUMBERS, max_shift=7, train=True))
        shift = moved[2, 0, 1] - 1
        assert 0 <= shift < 7
        np.testing.assert_array_equal(moved[..., 1], np.where(np.array(wanted) > 0, np.array(wanted) + shift, 0))


def test_abacus_starts_anew_with_each_document():
    segments = np.array([[0, 0, 0, 1, 1, 1]] * 4, np.int32)
    pos = np.asarray(positions.build('abacus')(key(), 4, 6, train=False, tokens_BL=NUMBERS, segment_ids_BL=segments))
    np.testing.assert_array_equal(pos[2].T, [[0, 1, 2, 0, 1, 2], [1, 2, 3, 1, 2, 3]])


def as_tokens(*texts):
    return np.array([list(text.encode()) for text in texts], np.int32)


def coupled(*texts, **options):
    place, ids = positions.build('coupled', **options)(
        key(), 1, len(texts[0]), train=False, tokens_BL=as_tokens(*texts)
    )
    np.testing.assert_array_equal(place, [range(len(texts[0]))])
    return ids


def test_coupled_ids_are_equal_where_significance_is():
    """The rule of `AdditionDatasetWithCoupledPositions` (HanseulJo/position-coupling): 653 + 49 = 702, start 1."""
    np.testing.assert_array_equal(coupled('653+49=207'), [[2, 3, 4, 5, 3, 4, 5, 4, 3, 2]])
    np.testing.assert_array_equal(coupled('653+49=702', reversed_answer=False), [[2, 3, 4, 5, 3, 4, 5, 2, 3, 4]])
    np.testing.assert_array_equal(coupled('99+1=001 '), [[2, 3, 4, 3, 4, 3, 2, 1, 0]])


def test_coupled_ids_start_anew_with_each_problem_and_document():
    np.testing.assert_array_equal(coupled('7+8=51 123+'), [[2, 3, 2, 3, 2, 1, 0, 2, 3, 4, 5]])
    tokens, segments = as_tokens('1+2=312+3'), np.array([[0, 0, 0, 0, 0, 1, 1, 1, 1]], np.int32)
    pos = positions.coupled(key(), 1, 9, tokens_BL=tokens, segment_ids_BL=segments)
    np.testing.assert_array_equal(pos[0].T, [[0, 1, 2, 3, 4, 0, 1, 2, 3], [2, 3, 2, 3, 2, 2, 3, 4, 3]])


def test_coupled_ids_start_anywhere_below_the_limit_in_training():
    tokens = np.repeat(as_tokens('653+49=207 x'), 400, axis=0)
    pos = np.asarray(positions.coupled(key(), 400, 12, tokens_BL=tokens, max_id=8, train=True))[..., 1]
    moved = pos - [2, 3, 4, 5, 3, 4, 5, 4, 3, 2, 0, 0]
    assert (pos[:, 10:] == 0).all() and (moved[:, :10] == moved[:, :1]).all()
    assert set(moved[:, 0]) == {0, 1, 2, 3}, 'starts 1 to 4: the largest id, start + 4, is at most max_id'


def test_other_tokens_can_be_digits_and_separators():
    got = coupled('abc-ab:cab', digits=(97, 98, 99), separators=(45, 58), equals=58)
    np.testing.assert_array_equal(got, [[2, 3, 4, 5, 3, 4, 5, 4, 3, 2]])


def test_bipe_counts_places_in_sentences_and_sentences():
    """Figure 2 of arXiv 2401.16421: a separator is the last token of its segment."""
    pos = positions.build('bipe')(key(), 1, 8, train=False, tokens_BL=as_tokens('Ab. C..d'))
    np.testing.assert_array_equal(pos[0].T, [[0, 1, 2, 0, 1, 2, 0, 0], [0, 0, 0, 1, 1, 1, 2, 3]])
    pos = positions.build('bipe', separators=(98,))(key(), 1, 8, train=False, tokens_BL=as_tokens('Ab. C..d'))
    np.testing.assert_array_equal(pos[0].T, [[0, 1, 0, 1, 2, 3, 4, 5], [0, 0, 1, 1, 1, 1, 1, 1]])


def places(name, tokenizer, text):
    """The last coordinate of each character of a text: that of the token it is in, under a tokenizer of its own."""
    text_of_train = ['QUIZ + 9 8 7 6 5 4 3 2 1 0 = . And so.\n On she went, and so on.\n']
    learned = KINDS[tokenizer].train(text_of_train, 262)
    spelled = [learned.decode([token]) for token in range(learned.vocabulary)]
    ids = learned.encode(text)
    position_map = positions.build(name).of_tokens(spelled, learned.vocabulary)
    pos = position_map(key(), 1, len(ids), train=False, tokens_BL=ids[None])
    of_tokens = np.asarray(pos[-1] if isinstance(pos, tuple) else pos[..., -1])[0]
    return np.repeat(of_tokens, [len(spelled[token]) for token in ids]).tolist()


@pytest.mark.parametrize('tokenizer', ['bytes', 'characters', 'bpe'])
def test_maps_find_their_tokens_whatever_the_tokenizer_calls_them(tokenizer):
    assert places('abacus', tokenizer, 'QUIZ 653+49') == [0, 0, 0, 0, 0, 1, 2, 3, 0, 1, 2]
    assert places('coupled', tokenizer, '653+49=207') == [2, 3, 4, 5, 3, 4, 5, 4, 3, 2]
    assert places('bipe', tokenizer, 'And so. On she') == [0] * 7 + [1] * 7


def test_a_sentence_ends_with_a_token_that_has_more_in_it():
    position_map = positions.build('bipe').of_tokens(['A', '."', '.\n', 'b'], 4)
    pos = position_map(key(), 1, 6, train=False, tokens_BL=np.array([[0, 1, 3, 2, 0, 3]]))
    np.testing.assert_array_equal(pos[0].T, [[0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 2, 2]])


@pytest.mark.parametrize(
    'name, options, spelled, error',
    [
        ('abacus', {}, [*'0123456789', '42'], r"positions\.digits: got None .* a tokenizer that has the token '42'"),
        # A part of '0123456789', but more than one of it.
        ('abacus', {}, [*'0123456789', '12'], "has the token '12'"),
        ('abacus', {}, [*'0123456789', ' 7'], "has the token ' 7'; wanted the ids of tokens for '0123456789'"),
        ('abacus', {}, [*'012345678'], "has no token '9'; wanted .* or config.dataset.tokenizer='bytes'"),
        ('coupled', {}, [*'0123456789+'], r"positions\.separators: got None .* has no token '='"),
        ('bipe', {}, [*'abc'], r'positions\.separators: got None .* a tokenizer without such tokens'),
        ('bipe', {}, None, 'a task whose tokens are no text, wanted the ids of tokens for'),
        ('bipe', dict(separators=(1, 3)), [*'abc'], r'positions\.separators: got \(1, 3\), wanted ids of the 3 tokens'),
        ('coupled', dict(equals=-1), [*'0123456789+='], r'positions\.equals: got -1, wanted ids of the 12 tokens'),
    ],
)
def test_tokens_that_a_map_cannot_find_are_one_line(name, options, spelled, error):
    with pytest.raises(ValueError, match=error):
        positions.build(name, **options).of_tokens(spelled, None if spelled is None else len(spelled))


def test_ids_that_are_given_stay():
    position_map = positions.build('abacus', digits=(2, 3)).of_tokens(None, 4)
    assert dict(position_map.options)['digits'] == (2, 3)


def test_bipe_starts_anew_with_each_document():
    segments = np.array([[0, 0, 0, 0, 1, 1, 1, -1]], np.int32)
    pos = positions.bipe(key(), 1, 8, tokens_BL=as_tokens('A.bc.d.e'), segment_ids_BL=segments)
    np.testing.assert_array_equal(pos[0].T, [[0, 1, 0, 1, 0, 0, 1, 0], [0, 0, 1, 1, 0, 1, 1, 0]])


def test_continuous_positions_move_in_training_alone():
    np.testing.assert_array_equal(positions.cape(key(), 2, 4), [[0, 1, 2, 3]] * 2)
    np.testing.assert_array_equal(positions.cape(key(), 1, 4, centred=True), [[-1.5, -0.5, 0.5, 1.5]])
    still = dict(max_global_shift=0.0, max_local_shift=0.0, max_global_scaling=1.0, train=True)
    np.testing.assert_array_equal(positions.cape(key(), 2, 4, **still), [[0, 1, 2, 3]] * 2)


def test_continuous_positions_stay_within_their_widths():
    still = dict(max_global_shift=0.0, max_local_shift=0.0, max_global_scaling=1.0, train=True)
    place = np.arange(5)
    shift = np.asarray(positions.cape(key(), 400, 5, **still | dict(max_global_shift=3.0))) - place
    np.testing.assert_allclose(shift, shift[:, :1].repeat(5, axis=1), atol=1e-5)
    assert -3 < shift.min() < -2.9 and 2.9 < shift.max() < 3
    jitter = np.asarray(positions.cape(key(), 400, 5, **still | dict(max_local_shift=0.5))) - place
    assert -0.5 <= jitter.min() < -0.49 and 0.49 < jitter.max() <= 0.5 and np.ptp(jitter, axis=1).min() > 0
    scale = np.asarray(positions.cape(key(), 400, 5, **still | dict(max_global_scaling=2.0)))[:, 1:] / place[1:]
    np.testing.assert_allclose(scale, scale[:, :1].repeat(4, axis=1), rtol=1e-5)
    assert 0.5 < scale.min() < 0.51 and 1.97 < scale.max() < 2
    assert abs(np.mean(scale[:, 0] < 1) - 0.5) < 0.1, 'halving is as likely as doubling'


def test_a_map_of_tokens_asks_for_them():
    with pytest.raises(ValueError, match='abacus positions: got no tokens_BL'):
        positions.build('abacus')(key(), 1, 6, train=False)


@pytest.mark.parametrize(
    'name, options',
    [('randomized', dict(max_position=6)), ('shifted', dict(max_shift=1)), ('pose', dict(target_length=6))],
)
def test_every_option_arrives(name, options):
    """With these options there is one choice: the sequence itself."""
    for seed in range(3):
        pos = positions.build(name, **options)(key(seed), 4, 6, train=True)
        np.testing.assert_array_equal(pos, np.broadcast_to(np.arange(6), pos.shape))
    many = [np.asarray(positions.build(name)(key(seed), 4, 6, train=True)).max() for seed in range(3)]
    assert max(many) > 6


def test_the_table_of_options_is_complete():
    assert {name: list(declared.options('positions', name)) for name in positions.names()} == {
        'abacus': ['digits', 'max_shift'],
        'bipe': ['separators'],
        'cape': ['max_global_shift', 'max_local_shift', 'max_global_scaling', 'centred'],
        'coupled': ['digits', 'separators', 'equals', 'reversed_answer', 'max_id'],
        'grid': ['columns', 'rows', 'span'],
        'pose': ['target_length'],
        'randomized': ['max_position'],
        'randomized_distances': ['max_position'],
        'sequential': [],
        'shifted': ['max_shift'],
    }


def test_an_unknown_map_is_named_with_the_valid_ones():
    with pytest.raises(ValueError, match=r"'random'; there are .*'randomized'"):
        positions.build('random')


EVERY_OTHER = '''
"""A user's own map: every other number."""

import jax.numpy as jnp


def every_other(rng, batch_size, length, *, train, step: int = 2):
    return jnp.broadcast_to(step * jnp.arange(length, dtype=jnp.int32), (batch_size, length))
'''


def test_a_map_from_another_folder(tmp_path):
    file = tmp_path / 'every_other.py'
    file.write_text(EVERY_OTHER)
    pos = positions.build('every_other', module=str(file), step=3)(key(), 2, 4, train=True)
    np.testing.assert_array_equal(pos, [[0, 3, 6, 9]] * 2)
    with pytest.raises(ValueError, match=r'every_other\.py: it defines no other\.'):
        positions.build('other', module=str(file))
    with pytest.raises(ValueError, match='there is no Python file'):
        positions.build('other', module=str(tmp_path / 'other.py'))
    with pytest.raises(TypeError, match="'every_other': got an unexpected keyword argument 'steps'"):
        positions.build('every_other', module=str(file), steps=3)
