"""Every format, both ways; what is no such file is refused with its place; and gensim reads and writes the same."""

import bz2
import gzip
import io
import lzma
import pathlib
import pickle
import re
import struct
import tracemalloc

import numpy as np
import pytest
import safetensors.numpy

from posbench import word_vectors
from posbench.word_vectors import FormatError, WordVectors, formats, ngrams
from posbench.word_vectors.formats import digits
from tests.word_vectors import slow

WORDS = ['the', 'naïve', '日本', '2007', '</s>', '👩‍👩‍👧']
TEXT = ('word2vec_text', 'glove', 'fasttext_text')
PACKERS = {'.gz': gzip.compress, '.bz2': bz2.compress, '.xz': lzma.compress}
HEADERS = {'word2vec_text': b'3 2\n', 'fasttext_text': b'3 2\n', 'glove': b''}


def some_vectors(words=WORDS, width=4, grams=False) -> WordVectors:
    rng = np.random.default_rng(0)
    # Rounded, tiny and huge ones: what text has to hold to the bit.
    vectors_VD = rng.normal(size=(len(words), width)).astype(np.float32)
    vectors_VD[0, :3] = [0.1, -1e-30, 3.4e38]
    if not grams:
        return WordVectors(words, vectors_VD)
    vectors_VD[0, 2] = 3
    ngrams_ = ngrams.NGrams(rng.normal(size=(7, width)).astype(np.float32), vectors_VD, 2, 4)
    return WordVectors(words, ngrams_.compose(words, without=('</s>',)), ngrams_)


def equal(a: WordVectors, b: WordVectors) -> bool:
    return a.words == b.words and a.vectors_VD.tobytes() == b.vectors_VD.tobytes()


def refused(tmp_path: pathlib.Path, data: bytes, format: str | None = None, name: str = 'vectors') -> str:
    """What is said of a file, without its folder."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(FormatError) as error:
        word_vectors.load(path, format=format)
    message = str(error.value)
    assert message.startswith(str(path)) and '\n' not in message
    return message.removeprefix(f'{tmp_path}/')


@pytest.mark.parametrize('packed', ['', '.gz', '.bz2', '.xz'])
@pytest.mark.parametrize('format', formats.names())
def test_what_is_written_is_read_back_to_the_bit_and_told_by_its_content(tmp_path, format, packed):
    vectors = some_vectors()
    path = tmp_path / f'vectors{packed}'
    vectors.save(path, format)
    assert equal(word_vectors.load(path), vectors)
    assert equal(word_vectors.load(path, format=format), vectors)
    if packed:
        assert path.read_bytes() != slow.unpacked(path.read_bytes())
    assert [other.name for other in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize('name', ['a.safetensors', 'a.vec.gz', 'a.txt', 'a.w2v', 'a.bin', 'a.bin.xz'])
def test_a_name_says_the_format_that_is_written(tmp_path, name):
    some_vectors().save(tmp_path / name)
    assert equal(word_vectors.load(str(tmp_path / name)), some_vectors())


def test_a_name_that_says_no_format_is_refused_and_one_with_a_typo_is_corrected(tmp_path):
    with pytest.raises(ValueError, match=r'wanted format=\.\.\. \(.*glove.*or a name that ends in'):
        some_vectors().save(tmp_path / 'vectors.dat')
    with pytest.raises(ValueError, match="did you mean 'glove'"):
        some_vectors().save(tmp_path / 'vectors.dat', format='Glov')
    assert list(tmp_path.iterdir()) == []


def test_numbers_that_are_not_finite_are_not_written(tmp_path):
    diverged = WordVectors(['a', 'b'], np.array([[1, 2], [1, np.nan]], np.float32))
    with pytest.raises(ValueError, match="the vector of 'b' has numbers that are not finite"):
        diverged.save(tmp_path / 'vectors.safetensors')
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('format', ['fasttext_bin', 'safetensors'])
@pytest.mark.parametrize('packed', ['', '.gz'])
def test_n_grams_are_kept_and_give_vectors_of_unknown_words(tmp_path, format, packed):
    vectors = some_vectors(grams=True)
    vectors.save(tmp_path / f'vectors{packed}', format)
    found = word_vectors.load(tmp_path / f'vectors{packed}')
    assert equal(found, vectors)
    table_BD = vectors.ngrams.vectors_BD
    for word in ('never', 'é', '漢字'):
        wanted_D = slow.of_ngrams(word, table_BD, 2, 4)
        assert found[word].tobytes() == vectors[word].tobytes() == wanted_D.tobytes()
    # And again, from what was read.
    found.save(tmp_path / 'again', format)
    assert (tmp_path / 'again').read_bytes() == slow.unpacked((tmp_path / f'vectors{packed}').read_bytes())


def test_buckets_are_those_of_the_hash_with_its_signed_bytes():
    # Of gensim's ft_hash_bytes, which facebook's own code agrees with: 'é' and '語' have bytes from 128 on.
    words = ['test', 'é', '日本語', '', 'a' * 9]
    for minn, maxn in ((1, 1), (3, 6), (2, 3), (5, 4), (0, 2)):
        ids_N, counts_V = ngrams.buckets(words, minn, maxn, 1000)
        wanted = [list(slow.buckets_of(word, 1000, minn, maxn)) for word in words]
        assert (ids_N.tolist(), counts_V.tolist()) == (
            [one for some in wanted for one in some],
            [len(some) for some in wanted],
        )
    assert 2**32 - 1 > (0xE9 ^ 0xFFFFFF00 ^ 2166136261) * 16777619 % 2**32 != (0xE9 ^ 2166136261) * 16777619 % 2**32


@pytest.mark.parametrize('format', TEXT)
def test_a_token_may_have_spaces_and_a_row_may_not_have_a_number_too_many(tmp_path, format):
    vectors = WordVectors(['a', '. . .', 'at name@domain.com', 'new york'], np.eye(4, 3, dtype=np.float32) + 1)
    vectors.save(tmp_path / 'vectors', format)
    assert equal(word_vectors.load(tmp_path / 'vectors'), vectors)
    data = (tmp_path / 'vectors').read_bytes().replace(b'new york', b'new 7')
    assert re.search(r":[45]: got 4 numbers after 'new', wanted 3", refused(tmp_path, data))
    for word in ('a 7', 'a -x7', 'a nan', 'a\nb', ' a', 'a ', 'a  b', '', 'a\r'):
        if word != 'a -x7':
            with pytest.raises(ValueError, match='cannot hold'):
                WordVectors([word], np.ones((1, 3), np.float32)).save(tmp_path / 'no', format)
    assert not (tmp_path / 'no').exists()


@pytest.mark.parametrize(
    'number', ['nan', 'inf', '-Infinity', '1_0', '0x1', '٣', '1,5', '--1', '1.2.3', '1-2', '.', '1e']
)
@pytest.mark.parametrize('format', TEXT)
def test_a_number_that_is_none_is_said_with_its_line(tmp_path, format, number):
    data = HEADERS[format] + f'a 1 2\nb 1 {number}\nc 3 4\n'.encode()
    line = data[: data.index(b'b')].count(b'\n') + 1
    said = refused(tmp_path, data, format)
    assert said.startswith(f'vectors:{line}: got ') and f'{number!r} as number 2 of' in said


TEXTS = {
    'beyond float32': (b'a 1 2\nb 1 1e39\nc 3 4\n', 2, 'got inf as number 2'),
    'too short': (b'a 1 2\nb 1\nc 3 4\n', 2, "got 1 numbers after 'b', wanted 2"),
    'too long': (b'a 1 2\nb 1 2 3\nc 3 4\n', 2, "got 3 numbers after 'b', wanted 2"),
    'made up for': (b'a 1 2\nb 1 2 3\nc 3\n', 2, "got 3 numbers after 'b', wanted 2"),
    'two spaces': (b'a 1 2\nb  1 2\nc 3 4\n', 2, 'got two spaces together'),
    'no word': (b'a 1 2\n 1 2\nc 3 4\n', 2, 'one at the start'),
    'an empty line': (b'a 1 2\n\nc 3 4\n', 2, 'it is empty'),
    'tabs': (b'a 1 2\nb\t1\t2\nc 3 4\n', 2, 'got tabs and no spaces'),
    'twice': (b'a 1 2\nb 1 2\na 3 4\n', 3, "got the word 'a' again, which row 1 has"),
    'Latin-1': (b'a 1 2\ncaf\xe9 1 2\nc 3 4\n', 2, r"byte 0xe9 of 'caf\\\\xe9' is not UTF-8"),
    'a NUL': (b'a 1 2\nb\0 1 2\nc 3 4\n', 2, 'got a NUL'),
    'cut': (b'a 1 2\nb 1 2\nc 3 4', 3, 'no line feed at its end'),
    'endless': (b'a 1 2\n' + b'b' * 2**20 + b' 1 2\nc 3 4\n', 2, 'longer than 1,048,576 bytes'),
}


@pytest.mark.parametrize('what', TEXTS)
@pytest.mark.parametrize('format', TEXT)
def test_a_row_that_is_none_is_said_with_its_line(tmp_path, format, what):
    rows, line, said = TEXTS[what]
    header = HEADERS[format]
    assert re.search(said.replace('(', r'\('), refused(tmp_path, header + rows, format)), what
    assert refused(tmp_path, header + rows, format).startswith(f'vectors:{line + bool(header)}: ')


def test_rows_are_as_wide_as_most_of_them_are_where_nothing_says_so(tmp_path):
    (tmp_path / 'vectors').write_bytes(b'. . . 1 2\n2007 1 2\na 3 4\n')
    assert word_vectors.load(tmp_path / 'vectors').words == ['. . .', '2007', 'a']
    assert refused(tmp_path, b'a 1 2 3\nb 1 2\nc 3 4\n') == "vectors:1: got 3 numbers after 'a', wanted 2"


@pytest.mark.parametrize('ends', [b'\r\n', b' \n', b' \r\n'])
def test_ends_of_lines_and_a_byte_order_mark_are_no_part_of_a_word(tmp_path, ends):
    for header in (b'', b'2 2\n'):
        (tmp_path / 'vectors').write_bytes(b'\xef\xbb\xbf' + (header + b'a 1 2\nb 3 4\n').replace(b'\n', ends))
        assert equal(word_vectors.load(tmp_path / 'vectors'), WordVectors('ab', np.array([[1, 2], [3, 4]], np.float32)))


LIES = {
    b'4 2': 'vectors:4: the file ends after 3 words; line 1 says 4',
    b'2 2': "vectors:4: got a row more than the 2 that line 1 says: 'c 5 6'",
    b'3 3': "vectors:2: got 2 numbers after 'a', wanted 3",
    b'0 2': 'vectors:1: got a header of 0 words',
    b'3 0': 'vectors:1: got a header of 3 words of 0 numbers',
    b'3 999999999999': 'vectors:1: got a header of 3 words of 999,999,999,999 numbers',
    b'999999999999999999 2': 'vectors:4: the file ends after 3 words; line 1 says 999,999,999,999,999,999',
    b'3 1000000': "vectors:2: got 2 numbers after 'a', wanted 1,000,000",
    b'-3 2': 'vectors:1: wanted the number of words and their width',
    b'3': 'vectors:1: wanted the number of words and their width',
}


@pytest.mark.parametrize('packed', [False, True])
@pytest.mark.parametrize('header', LIES)
def test_a_header_that_lies_is_said_and_nothing_is_set_aside_for_it(tmp_path, header, packed):
    data = header + b'\na 1 2\nb 3 4\nc 5 6\n'
    tracemalloc.start()
    said = refused(tmp_path, gzip.compress(data) if packed else data, 'word2vec_text')
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said.startswith(LIES[header])
    assert peak < 64 * 2**20


def binary(*rows: tuple[bytes, list[float]], header: bytes | None = None) -> bytes:
    header = header or f'{len(rows)} {len(rows[0][1])}'.encode()
    return header + b'\n' + b''.join(word + b' ' + struct.pack(f'<{len(row)}f', *row) for word, row in rows)


ROWS = [(b'a', [1.0, 2.0, 3.0]), (b'b', [4.0, 5.0, 6.0])]
BINARIES = {
    'more words': (binary(*ROWS, header=b'3 3'), 4, 'too few for the 3 words of 3 numbers'),
    'fewer words': (binary(*ROWS, header=b'1 3'), 18, 'bytes are left after the 1 words'),
    'wider': (binary(*ROWS, header=b'2 4'), 4, 'too few for the 2 words of 4 numbers'),
    'narrower': (binary(*ROWS, header=b'2 2'), 14, "got '\\x00\\x00@@b', wanted a word without"),
    'absurd': (binary(*ROWS, header=b'2 999999999999'), 0, 'a header of 2 words of 999,999,999,999 numbers'),
    'NaN': (binary(ROWS[0], (b'b', [1.0, np.nan, 1.0])), 18, "got nan as number 2 of 'b'"),
    'twice': (binary(ROWS[0], (b'a', [1.0, 1.0, 1.0])), 18, "got the word 'a' again, which row 1 has"),
    'Latin-1': (binary(ROWS[0], (b'\xe9', [1.0, 1.0, 1.0])), 18, "byte 0xe9 of '\\\\xe9' is not UTF-8"),
    'no word': (binary(ROWS[0], (b'', [1.0, 1.0, 1.0])), 18, 'got a row without a word'),
    'cut': (binary(*ROWS)[:-1], 18, 'the file ends within word 2 of 2'),
    'cut more': (binary(*ROWS)[:-3], 4, '25 bytes are left, too few'),
    'no space': (b'2 1\n' + b'a' * 70_000, 4, 'wanted a word and a space'),
}


@pytest.mark.parametrize('what', BINARIES)
def test_a_binary_file_that_is_none_is_said_with_its_byte(tmp_path, what):
    data, offset, said = BINARIES[what]
    for format in ('word2vec_binary', None):
        message = refused(tmp_path, data, format)
        assert message.startswith(f'vectors: byte {offset}: ') and said in message, what


def test_a_binary_file_may_have_a_line_feed_after_each_row(tmp_path):
    rows = binary(*ROWS)
    (tmp_path / 'vectors').write_bytes(rows[:18] + b'\n' + rows[18:] + b'\n')
    assert word_vectors.load(tmp_path / 'vectors').words == ['a', 'b']


def model(tmp_path, grams: bool = True) -> bytes:
    some_vectors(grams=grams).save(tmp_path / 'model', 'fasttext_bin')
    return (tmp_path / 'model').read_bytes()


def changed(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def test_a_model_that_is_none_is_said_with_its_byte(tmp_path):
    data = model(tmp_path)
    # Of the settings from byte 8 on, the eighth is the kind of model, the ninth the buckets.
    supervised, buckets = changed(data, 36, b'\3'), changed(data, 40, b'\4')
    assert refused(tmp_path, supervised).startswith('vectors: byte 8: it is a supervised model')
    assert 'got a matrix of 13 x 4, wanted 10 x 4 by the settings' in refused(tmp_path, buckets)
    assert refused(tmp_path, changed(data, 4, b'\x0d')).startswith('vectors: byte 4: got version 13')
    assert 'it is pruned' in refused(tmp_path, changed(data, 84, bytes(8)))
    assert 'it has 1 labels' in refused(tmp_path, changed(data, 72, b'\1'))
    at = data.index(struct.pack('<2q', 13, 4)) - 1
    assert refused(tmp_path, changed(data, at, b'\1')).startswith(f'vectors: byte {at}: it is quantised')
    for i in (0, 5):
        place = at + 17 + 4 * i
        said = refused(tmp_path, changed(data, place, struct.pack('<f', np.inf)))
        assert said.startswith(f'vectors: byte {place:,}: got inf in row {i // 4 + 1} of the input matrix')
    for count in range(0, len(data), 17):
        assert re.match(r'vectors(: byte |:\d)', refused(tmp_path, data[:count]))
        assert re.match(r'vectors: byte ', refused(tmp_path, gzip.compress(data[:count])))
    assert 'bytes are left' in refused(tmp_path, data + b'\0')


def test_a_model_from_before_the_magic_number_is_read(tmp_path):
    data = model(tmp_path)
    at = data.index(struct.pack('<2q', 13, 4)) - 1
    end = at + 1 + 16 + 4 * 13 * 4
    old = data[8:84] + data[92:at] + data[at + 1 : end] + data[end + 1 :]
    (tmp_path / 'old').write_bytes(old)
    found = word_vectors.load(tmp_path / 'old')
    words, wanted_VD, _ = slow.read(old, 'fasttext_bin')
    assert found.words == words and found.vectors_VD.tobytes() == wanted_VD.tobytes()
    # Only the end of a sentence had n-grams then, and has none now. Written again, it keeps its vector.
    rows = [word != '</s>' for word in words]
    assert (found.vectors_VD == word_vectors.load(tmp_path / 'model').vectors_VD).all(1).tolist() == rows
    found.save(tmp_path / 'new', 'fasttext_bin')
    assert equal(word_vectors.load(tmp_path / 'new'), found)


def test_safetensors_is_what_its_own_library_reads_and_writes(tmp_path):
    vectors = some_vectors(grams=True)
    vectors.save(tmp_path / 'ours.safetensors')
    tensors = safetensors.numpy.load_file(tmp_path / 'ours.safetensors')
    assert tensors['words'].tobytes().decode().split('\n') == WORDS
    assert (tensors['vectors'] == vectors.vectors_VD).all() and set(tensors) == {
        'vectors', 'words', 'ngram_vectors', 'word_rows'
    }  # fmt: skip
    safetensors.numpy.save_file(tensors, tmp_path / 'theirs', {'minn': '2', 'maxn': '4'})
    assert equal(word_vectors.load(tmp_path / 'theirs'), vectors)


def test_a_file_of_safetensors_that_is_none_is_said(tmp_path):
    vectors_VD, words = np.ones((2, 3), np.float32), np.frombuffer(b'a\nb', np.uint8)

    def said(data=None, **tensors):
        return refused(tmp_path, safetensors.numpy.save(tensors) if data is None else data)

    assert "there is no tensor 'words' of word vectors, but 'vectors'" in said(vectors=vectors_VD)
    assert 'wanted F32 or U8 of its size' in said(vectors=vectors_VD.astype(np.float16), words=words)
    assert 'got 3 words and 2 vectors' in said(vectors=vectors_VD, words=np.frombuffer(b'a\nb\nc', np.uint8))
    assert "got the word 'a' again" in said(vectors=vectors_VD, words=np.frombuffer(b'a\na', np.uint8))
    bad = said(vectors=np.array([[1, 2, 3], [1, np.nan, 1]], np.float32), words=words, other=np.ones(3, np.float32))
    assert "got nan in row 2 of 'vectors'" in bad
    data = (tmp_path / 'vectors').read_bytes()
    assert f'byte {data.index(np.float32(np.nan).tobytes())}:' in bad
    whole = safetensors.numpy.save({'vectors': vectors_VD, 'words': words})
    for cut in (len(whole) - 1, 60, 9):
        assert refused(tmp_path, whole[:cut], 'safetensors').startswith('vectors: byte ')
    assert refused(tmp_path, whole + b'\0').startswith('vectors: byte 8: its tensors take 27 bytes, and 28 follow')


def array_of_objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([{}], object), allow_pickle=True)
    return file.getvalue()


FOREIGN = {
    'a pickle, which may run any code and is never opened': [pickle.dumps({'a': 1}, n) for n in range(6)],
    'an array of NumPy': [array_of_objects()],
    'a zip archive': [b'PK\x03\x04' + bytes(26)],
    'UTF-16 or UTF-32 by its byte-order mark': ['a 1 2\n'.encode(code) for code in ('utf-16', 'utf-32')],
    'it is empty': [b'', gzip.compress(b'')],
    'got a NUL': ['a 1 2\n'.encode('utf-16-le')],
    'compressed stream is cut or damaged': [pack(b'a 1 2\n' * 99)[:-9] for pack in PACKERS.values()],
    'compressed stream': [pack(b'a 1 2\n') + b'rest' for pack in PACKERS.values()],
}


@pytest.mark.parametrize('what', FOREIGN)
def test_what_is_no_file_of_vectors_is_refused_by_its_name(tmp_path, what):
    for data in FOREIGN[what]:
        assert what in refused(tmp_path, data)


def test_folders_and_files_that_are_not_there_are_said(tmp_path):
    with pytest.raises(FormatError, match=r'the folder has no vectors\.safetensors$'):
        word_vectors.load(tmp_path)
    some_vectors().save(tmp_path / 'vectors_0.safetensors')
    with pytest.raises(FormatError, match=r'no vectors\.safetensors; it has vectors_0\.safetensors$'):
        word_vectors.load(tmp_path)
    some_vectors().save(tmp_path / 'vectors.safetensors')
    assert equal(word_vectors.load(tmp_path), some_vectors())
    with pytest.raises(FormatError, match='none: cannot be read: No such file or directory'):
        word_vectors.load(tmp_path / 'none')


@pytest.mark.parametrize('format', formats.names())
def test_a_limit_takes_the_first_words(tmp_path, format):
    vectors = some_vectors(grams=format == 'fasttext_bin')
    vectors.save(tmp_path / 'vectors', format)
    for limit in (1, 3, len(vectors), 100):
        found = word_vectors.load(tmp_path / 'vectors', limit=limit)
        assert equal(found, WordVectors(WORDS[:limit], vectors.vectors_VD[:limit]))
    with pytest.raises(ValueError, match='got limit=0, wanted at least 1'):
        word_vectors.load(tmp_path / 'vectors', limit=0)


def test_a_limit_that_is_none_leaves_a_lie_to_be_found(tmp_path):
    (tmp_path / 'vectors').write_bytes(b'1 2\na 1 2\nb 3 4\n')
    with pytest.raises(FormatError, match='a row more than the 1'):
        word_vectors.load(tmp_path / 'vectors', limit=1)


def test_words_of_another_encoding_are_read_when_that_is_said(tmp_path):
    path = tmp_path / 'vectors'
    path.write_bytes('café 1 2\nß 3 4\n'.encode('latin-1'))
    assert word_vectors.load(path, encoding='latin-1').words == ['café', 'ß']
    assert word_vectors.load(path, errors='replace').words == ['caf\ufffd', '\ufffd']
    with pytest.raises(FormatError, match='got a row without a word'):
        word_vectors.load(path, errors='ignore')
    for wrong in ({'encoding': 'utf-16'}, {'encoding': 'none'}, {'errors': 'none'}, {'duplicates': 'last'}):
        with pytest.raises(ValueError, match=r'got .*(none|utf-16|last)'):
            word_vectors.load(path, **wrong)


@pytest.mark.parametrize('format', formats.names())
def test_duplicates_are_left_out_only_when_that_is_asked_for_and_never_become_a_row_of_zeros(tmp_path, format):
    words, vectors_VD = ['a', 'bb', 'c'], np.arange(1, 7, dtype=np.float32).reshape(3, 2)
    WordVectors(words, vectors_VD).save(tmp_path / 'vectors', format)
    data = (tmp_path / 'vectors').read_bytes()
    at = data.rindex(b'c')
    (tmp_path / 'vectors').write_bytes(changed(data, at, b'a'))
    with pytest.warns(UserWarning, match='1 rows were left out'):
        found = word_vectors.load(tmp_path / 'vectors', duplicates='first')
    assert equal(found, WordVectors(['a', 'bb'], vectors_VD[:2]))


@pytest.mark.parametrize('packed', [False, True])
def test_vectors_are_not_in_memory_twice(tmp_path, packed):
    row = [0.5, -1.25, 3.0] * 100
    text = ' '.join(map(str, row))
    data = ''.join(f'w{i} {text}\n' for i in range(16_000)).encode()
    (tmp_path / 'vectors').write_bytes(gzip.compress(data, 1) if packed else data)
    del data

    def loaded(path):
        tracemalloc.start()
        found = word_vectors.load(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert len(found) == 16_000 and (found.vectors_VD == row).all()
        return found, peak / found.vectors_VD.nbytes

    found, share = loaded(tmp_path / 'vectors')
    # Words, the block that is read, and room for the next rows come on top.
    assert share < 1.8, share
    # What is mapped is not in memory at all.
    found.save(tmp_path / 'vectors.safetensors')
    assert loaded(tmp_path / 'vectors.safetensors')[1] < 0.25


def test_numbers_are_read_to_the_bit_of_float(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=4000) * 10.0 ** rng.integers(-12, 9, 4000)
    texts = [f'{value:.{rng.integers(18)}f}' for value in values] + [repr(float(value)) for value in values]
    texts += [str(value) for value in values.astype(np.float32)] + [str(int(value)) for value in values]
    texts += ['0.', '.5', '-0.0', '-.0', '+1.5', '1e-5', '1E5', '1e400', '1e39', '1e-46', '5.', '7', '16777217.0']
    texts += ['9007199254740993.0', '0.30000001192092896', '99999999.99999999', '123456789.12345678', '00000000.5']
    read_N, ends_N = digits.read(' '.join(texts).encode())
    with np.errstate(over='ignore'):
        wanted_N = np.array([float(text) for text in texts]).astype(np.float32)
    assert read_N.tobytes() == wanted_N.tobytes()
    assert ends_N.tolist() == (np.cumsum([len(text) + 1 for text in texts]) - 1).tolist()
    for wrong in (
        '',
        ' ',
        '1 ',
        '1  2',
        '1_0',
        'nan',
        '1.0-2.0',
        '1.2.3',
        '-',
        '1e',
        '0x1',
        '1\t2',
        '1.a',
        'a.1',
        '1\n2',
    ):
        assert digits.read(wrong.encode()) is None, wrong
