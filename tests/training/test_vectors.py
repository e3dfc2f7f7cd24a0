"""Vectors of a file in the place of drawn ones: what is looked up, what is counted, what the trainer makes of it."""

import dataclasses

import jax
import numpy as np
import pytest

from posbench.training import origin, vectors
from tests import small_job

PATH = vectors.PATH


@dataclasses.dataclass
class Words:
    """What `word_vectors.load` gives, as far as it is read."""

    words: list
    vectors_VD: np.ndarray
    ngrams: object = None

    @property
    def index(self):
        return {word: place for place, word in enumerate(self.words)}


class Ngrams:
    """A word of three letters or more has the vector of its length in every channel."""

    def vector(self, word):
        return np.full(3, len(word) if len(word) > 2 else 0, np.float32)


WORDS = Words(
    ['the', 'The', 'cat', '</s>', 'unk', 'sat'],
    np.array([[1, 2, 3], [4, 5, 6], [-1, 0, 1], [9, 9, 9], [8, 8, 8], [0, 2, 0]], np.float32),
)
# Of byte pair encoding and of words: with a space, another case, a part of a character, the end and the unknown.
SPELLED = [' the', 'The', 'CAT', ' ', '\ufffd', 'dog', '', '<unk>', 'ox', 'THE']
TRAIN_N = np.array([0, 0, 1, 2, 5, 5, 5, 6, 8, 3], np.int32)


def look_up(words=WORDS, spelled=SPELLED, train=TRAIN_N, **options):
    return vectors.look_up(
        words, 'vectors.txt', 'abc', spelled, train, **dict(unknown='drawn', lowercase=True) | options
    )


def test_a_token_is_looked_up_by_its_text_then_by_its_lower_case():
    table = look_up()
    wanted = [0, 1, 2, None, None, None, 3, 4, None, 0]
    np.testing.assert_array_equal(table.known_V, [place is not None for place in wanted])
    for row, place in zip(table.rows_VC, wanted):
        np.testing.assert_array_equal(row, 0 if place is None else WORDS.vectors_VD[place])
    assert not look_up(lowercase=False).known_V[[2, 9]].any()


def test_coverage_is_counted():
    """6 of 10 types; of the tokens of train the first four and the end, 5 of 10."""
    found = look_up().coverage
    assert found == vectors.Coverage(10, 6, 2, 0, 10, 5)
    assert look_up().sentence == (
        'Word vectors of vectors.txt, 3 channels: 6 of the 10 tokens of the vocabulary have one (60.0 %), 2 of them in '
        'lower case, and 50.0 % of the 10 tokens of train. The others are drawn like them.'
    )
    assert look_up(unknown='zero').sentence.endswith('The others are zero.')
    assert look_up(train=None).coverage.known_tokens is None
    assert look_up().origin == dict(
        sha256='abc', channels=3, types=10, known_types=6, by_lower_case=2, by_ngrams=0, tokens=10, known_tokens=5
    )


def test_words_that_the_file_lacks_are_made_of_their_ngrams_and_drawn_where_they_have_none():
    words = dataclasses.replace(WORDS, ngrams=Ngrams())
    table = look_up(words, unknown='ngrams')
    assert table.coverage[:4] == (10, 7, 2, 1)
    np.testing.assert_array_equal(table.rows_VC[5], [3, 3, 3])
    assert not table.known_V[8] and table.spread_C.all()
    # What others are drawn like are words that stand in the file.
    np.testing.assert_array_equal(table.center_C, look_up().center_C)
    assert not look_up(words).known_V[5]


def test_what_a_file_cannot_give_is_refused_in_one_line(tmp_path):
    for wanted, call in (
        ("config.input.unknown: got 'ngrams', wanted 'drawn' or 'zero'", lambda: look_up(unknown='ngrams')),
        ('has a vector for none of the 2 tokens', lambda: look_up(spelled=['ab', 'xy'], train=None)),
        ('nothing but zeros', lambda: look_up(Words(['dog'], np.zeros((1, 3), np.float32)))),
        ('the tokens of the task are no text', lambda: vectors.read('a', None, None, unknown='zero', lowercase=True)),
        (
            f'{tmp_path}/no.txt: cannot be read: No such file',
            lambda: vectors.read(f'{tmp_path}/no.txt', ['a'], None, unknown='zero', lowercase=True),
        ),
        (
            f'{tmp_path}: the folder has no vectors.safetensors',
            lambda: vectors.read(str(tmp_path), ['a'], None, unknown='zero', lowercase=True),
        ),
    ):
        with pytest.raises(ValueError, match=wanted) as error:
            call()
        assert '\n' not in str(error.value)


# Of the first twenty tokens of the small job those that a file can have as words.
KNOWN = [i for i, text in enumerate(small_job.Tokenizer.spelled[:20]) if text.strip()]


def written(folder, width=16):
    """A file in the text format of word2vec, with the vectors of KNOWN, and these."""
    table_VC = (2 + 3 * np.random.default_rng(3).normal(size=(20, width))).astype(np.float32).round(3)
    rows = [f'{small_job.Tokenizer.spelled[i]} {" ".join(map(str, table_VC[i]))}' for i in KNOWN]
    path = folder / f'vectors{width}.txt'
    path.write_text('\n'.join([f'{len(rows)} {width}', *rows]) + '\n', encoding='utf-8')
    return str(path), table_VC


@pytest.fixture
def file(tmp_path):
    return written(tmp_path)


def rows(job, half='params'):
    return np.asarray(getattr(job.init_state(), half)['input_layer']['vectors'])


def test_a_run_starts_from_the_vectors_of_a_file_and_each_seed_draws_its_own_unknown_ones(file):
    path, table_VC = file
    one = small_job.build('learned', input__file=path, seeds=(0, 1), mesh__seed=1)
    got_SVC = rows(one)
    np.testing.assert_array_equal(got_SVC[:, KNOWN], np.tile(table_VC[KNOWN], (2, 1, 1)))
    others_SVC = np.delete(got_SVC, KNOWN, axis=1)
    assert (others_SVC[0] != others_SVC[1]).all()
    # Of 2 x 13 rows of 16 numbers each.
    assert abs(others_SVC.mean() - 2) < 0.7 and abs(others_SVC.std() - 3) < 0.7
    # All of it enters at a mean square of 1, over the known ones.
    assert one.model.input_layer.source == (16, pytest.approx(np.sqrt(np.square(table_VC[KNOWN]).mean())))
    assert one.origin['vectors']['known_types'] == len(KNOWN)


def test_unknown_ones_may_be_zero(file):
    got_SVC = rows(small_job.build('none', input__file=file[0], input__unknown='zero'))
    assert not np.delete(got_SVC, KNOWN, axis=1).any() and got_SVC[:, KNOWN].any()


def test_vectors_are_frozen_or_tuned_after_some_steps_by_the_knobs_of_all_weights(tmp_path):
    path, table_VC = written(tmp_path, 6)
    frozen = small_job.build('none', input__file=path, init__freeze=(PATH,))
    before = frozen.init_state()
    assert set(before.params['input_layer']) == {'projection'}
    np.testing.assert_array_equal(before.frozen['input_layer']['vectors'][np.array(KNOWN)], table_VC[KNOWN])
    later = small_job.build('none', input__file=path, init__freeze_at_first=(PATH,), init__first_steps=10)
    (kept,), (tuned,) = (small_job.losses(one) for one in (frozen, later))
    # The loss after ten steps is still of the same vectors; two steps later they have moved.
    np.testing.assert_allclose(tuned[:11], kept[:11], rtol=1e-4)
    assert abs(tuned[12] - kept[12]) > 1e-4 and np.isfinite(tuned).all() and tuned[-1] < tuned[0]


def test_a_file_of_another_width_is_projected_also_where_logits_are_tied(tmp_path):
    path, _ = written(tmp_path, 6)
    one = small_job.build('none', input__file=path)
    params = jax.tree.map(lambda leaf: np.asarray(leaf)[0], one.init_state().params)
    assert params['input_layer']['projection'].shape == (6, 16)
    layer = one.model.input_layer
    h = np.random.default_rng(0).normal(size=(1, 4, 16)).astype(np.float32)
    got = layer.apply({'params': params['input_layer']}, h, method='logits')
    projected_VD = params['input_layer']['vectors'] / layer.source.size @ params['input_layer']['projection']
    np.testing.assert_allclose(got, h @ projected_VD.T / 4, rtol=0, atol=1e-5)
    entered, _ = layer.apply({'params': params['input_layer']}, *given(one), capture_intermediates=False), None
    np.testing.assert_allclose(entered, projected_VD[given(one)[0]], rtol=0, atol=1e-5)
    # Both begin at size 1.
    assert 0.5 < np.std(got) < 2 and 0.5 < np.std(entered) < 2


def given(job):
    from posbench.encodings import base

    return np.arange(8, dtype=np.int32)[None], np.arange(8, dtype=np.int32)[None], base.PositionEncoding()


def test_a_scale_takes_the_place_of_the_one_that_brings_vectors_to_size_1(file):
    scaled, plain = (small_job.build('none', input__file=file[0], **more) for more in (dict(input__scale=1.0), {}))
    params = {'params': jax.tree.map(lambda leaf: np.asarray(leaf)[0], plain.init_state().params)['input_layer']}
    one, other = (job.model.input_layer.apply(params, *given(job)) for job in (scaled, plain))
    np.testing.assert_allclose(one, params['params']['vectors'][:8][None], rtol=1e-6)
    np.testing.assert_allclose(other, one / plain.model.input_layer.source.size, rtol=1e-5)


def test_a_run_does_not_go_on_with_another_file(file, tmp_path):
    there = small_job.build('none', input__file=file[0]).origin
    assert origin.refused(there, there) == []
    with open(file[0], 'a', encoding='utf-8') as same_words:
        same_words.write('\n')
    here = dict(there, vectors=dict(there['vectors'], sha256=vectors._sha256(vectors.Path(file[0]))))
    (line,) = origin.refused(there, here)
    assert line.startswith('the word vectors (SHA-256 ')
    # A checkpoint from before there were such files.
    old = {name: value for name, value in there.items() if name != 'vectors'}
    assert origin.refused(old, dict(old, vectors=None)) == []
