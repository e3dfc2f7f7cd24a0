import functools
import json

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from posbench.datasets import DatasetError, tokenizers
from posbench.datasets.tokenizers import pieces

TRAIN = ['the cat sat on the mat; the rat sat on the cat.\n' * 5, 'naïve café 中文 😀\r\n\t' * 3]
# Bytes, combining marks, controls, other scripts, and strings that some tokenizers treat as special.
TEXTS = [
    '',
    ' ',
    'the  cat\n\n sat',
    'é e\u0301 中文字 😀👩‍👩‍👧 \x00\x7f\x85\u2028\ufeff',
    '<|endoftext|> [UNK] Ġ ▁',
    ''.join(map(chr, [*range(0x300), 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF])),
]
LEARNED = ['bytes', 'characters', 'bpe', 'unigram']
# The interface, but for the sum of characters and for texts that come back as they were.
WITH_WORDS = [*LEARNED, 'words']


@functools.cache
def trained(name):
    return tokenizers.recipe(name, 300).train(TRAIN)


def word_piece(folder, end='[SEP]'):
    """A tokenizer.json as sentence encoders have them: it lower-cases, drops accents, and cuts after four tokens."""
    pieces = [
        '[PAD]',
        '[UNK]',
        '[CLS]',
        end,
        'the',
        'cat',
        'sat',
        '##s',
        'on',
        'mat',
        ';',
        'cafe',
        '[',
        ']',
        'sep',
        'a',
    ]
    model = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token='[UNK]'))
    model.normalizer = normalizers.BertNormalizer()
    model.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    model.decoder = decoders.WordPiece()
    model.add_special_tokens(['[PAD]', '[UNK]', '[CLS]', end])
    special = [('[CLS]', 2), (end, 3)]
    model.post_processor = processors.TemplateProcessing(single=f'[CLS] $A {end}', special_tokens=special)
    model.enable_truncation(4)
    model.enable_padding(length=4)
    (folder / 'tokenizer.json').write_text(model.to_str(), encoding='utf-8')
    return folder / 'tokenizer.json'


@pytest.mark.parametrize('name', ['bytes', 'bpe', 'unigram'])
@pytest.mark.parametrize('text', TEXTS)
def test_every_text_comes_back_as_it_was(name, text):
    tokenizer = trained(name)
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_characters_that_training_lacks_share_one_id():
    tokenizer = trained('characters')
    ids_N = tokenizer.encode('the zéé😀!')
    assert tokenizer.decode(ids_N) == 'the \ufffdéé😀\ufffd'
    assert ids_N.max() == tokenizer.unknown == tokenizer.vocabulary - 2
    assert ''.join(sorted(set(''.join(TRAIN)))) == tokenizer.alphabet


@pytest.mark.parametrize('name', LEARNED)
@pytest.mark.parametrize('text', TEXTS)
def test_the_characters_of_the_tokens_sum_to_those_of_the_text(name, text):
    tokenizer = trained(name)
    ids_N = np.append(tokenizer.encode(text), tokenizer.end_of_document)
    assert tokenizer.characters_V[ids_N].sum() == len(text)


@pytest.mark.parametrize('name', LEARNED)
def test_the_end_of_a_document_is_the_last_id_and_never_text(name):
    tokenizer = trained(name)
    end = tokenizer.end_of_document
    assert end == tokenizer.vocabulary - 1 == len(tokenizer.characters_V) - 1
    assert all((tokenizer.encode(text) < end).all() for text in TEXTS)
    cat = tokenizer.encode('cat').tolist()
    assert tokenizer.decode([end, *cat, end, end, *cat]) == 'catcat'
    assert tokenizer.encode('cat').dtype == tokenizer.characters_V.dtype == np.int32


@pytest.mark.parametrize('name', WITH_WORDS)
def test_a_stored_tokenizer_is_the_same_tokenizer(name):
    tokenizer = trained(name)
    again = tokenizers.KINDS[name].from_json(tokenizer.to_json())
    assert again.to_json() == tokenizer.to_json() == tokenizers.recipe(name, 300).train(TRAIN).to_json()
    assert again.vocabulary == tokenizer.vocabulary
    np.testing.assert_array_equal(again.characters_V, tokenizer.characters_V)
    for text in TEXTS:
        np.testing.assert_array_equal(again.encode(text), tokenizer.encode(text))


def test_bpe_has_the_vocabulary_that_was_asked_for():
    assert [tokenizers.BPE.train(TRAIN, size).vocabulary for size in (257, 270, 285)] == [257, 270, 285]
    assert tokenizers.BPE.train(['ab'], 1000).vocabulary == 258  # One merge is all there is to learn.
    with pytest.raises(DatasetError, match='257'):
        tokenizers.BPE.train(TRAIN, 256)


def test_bpe_without_merges_writes_bytes():
    assert len(tokenizers.BPE.train(TRAIN, 257).encode('naïve 😀')) == len('naïve 😀'.encode())
    assert len(tokenizers.BPE.train(TRAIN, 300).encode('the cat')) < len('the cat')


def test_bpe_merges_inside_words_of_bounded_length_so_that_no_text_takes_the_square_of_it():
    def pieces(text):
        return [end - start for _, (start, end) in tokenizer._model.pre_tokenizer.pre_tokenize_str(text)]

    tokenizer, most = trained('bpe'), tokenizers.WORD
    for word in ('a' * 3 * most, '-' * 3 * most, ' ' * 3 * most, '\n' * 3 * most, '中文字' * most, '7' * 3 * most):
        assert pieces(word) == [most] * 3
        assert tokenizer.decode(tokenizer.encode(word)) == word
        assert tokenizer.characters_V[tokenizer.encode(word)].sum() == len(word)
    # A word of that length is whole.
    assert pieces('the ' + 'a' * most + '.') == [3, 1 + most, 1]


@pytest.mark.parametrize('text', [*TEXTS, *TRAIN, "it's  I'll\n\n\n x'S 3.14--- \t 中文。\xa0 \u3000a"])
def test_shorter_words_are_those_of_gpt_2(text):
    ours, gpt2 = trained('bpe')._model.pre_tokenizer, pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert ours.pre_tokenize_str(text) == gpt2.pre_tokenize_str(text)


def test_broken_utf_8_decodes_to_replacement_characters():
    assert trained('bytes').decode([ord('a'), 0xF0, 0x9F, ord('b')]) == 'a\ufffdb'


def test_only_what_decides_the_tokens_is_among_the_settings():
    assert tokenizers.recipe('bytes', 300).settings == tokenizers.recipe('bytes', 400).settings
    assert tokenizers.recipe('bpe', 300).settings != tokenizers.recipe('bpe', 400).settings


def test_an_unknown_tokenizer_is_answered_with_the_nearest():
    with pytest.raises(DatasetError, match="'byte'; did you mean 'bytes'"):
        tokenizers.recipe('byte')


def test_the_first_documents_end_where_they_are_told_to():
    assert list(tokenizers.first(['abc', 'def', 'ghi'], 5)) == ['abc', 'de']
    assert list(tokenizers.first(['abc', 'def'], 3)) == ['abc']
    assert list(tokenizers.first(['abc', 'def'], 9)) == ['abc', 'def']


def test_a_file_s_tokenizer_writes_its_own_tokens_and_no_others(tmp_path):
    tokenizer = tokenizers.recipe('file', file=word_piece(tmp_path)).train(TRAIN)
    # Lower-cased, without the accent; what it does not know is one token; nothing is added and nothing cut off.
    assert tokenizer.encode('The cats, sat on  the CAFÉ mats').tolist() == [4, 5, 7, 1, 6, 8, 4, 11, 9, 7]
    assert tokenizer.decode(tokenizer.encode('The cats sat')) == 'the cats sat'
    assert tokenizer.vocabulary == 16 and len(tokenizer.characters_V) == 16


def test_a_file_s_mark_of_an_end_ends_documents_and_is_never_text(tmp_path):
    tokenizer = tokenizers.recipe('file', file=word_piece(tmp_path)).train(TRAIN)
    assert tokenizer.end_of_document == 3 and (tokenizer.before, tokenizer.after) == ((2,), (3,))
    assert tokenizer.encode('[SEP] cat').tolist() == [12, 14, 13, 5]
    assert tokenizer.decode([5, 3, 5]) == 'cat cat'
    (tmp_path / 'other').mkdir()
    tokenizer = tokenizers.recipe('file', file=word_piece(tmp_path / 'other', end='</s>')).train(TRAIN)
    assert tokenizer.end_of_document == 3
    # Without one, documents end with an id of their own.
    stored = json.loads(word_piece(tmp_path, end='[END]').read_text())
    (tmp_path / 'tokenizer.json').write_text(json.dumps(stored))
    tokenizer = tokenizers.recipe('file', file=tmp_path / 'tokenizer.json').train(TRAIN)
    assert (tokenizer.end_of_document, tokenizer.vocabulary) == (16, 17) and tokenizer.characters_V[16] == 0


def test_tokens_of_a_file_stand_for_the_characters_since_the_token_before_them_on_average(tmp_path):
    train = ['the cat\n\nthe CATS  ', 'cat é']
    tokenizer = tokenizers.recipe('file', file=word_piece(tmp_path)).train(train)
    characters_V = tokenizer.characters_V
    # 'the', '\n\nthe'; ' cat', ' CAT', 'cat'; 's  '; ' é'; all of train has 19 + 5 characters.
    known = {4: (3 + 5) / 2, 5: (4 + 4 + 3) / 3, 7: 3, 1: 2}
    assert {i: pytest.approx(float(characters_V[i])) for i in known} == known
    ids = [i for text in train for i in tokenizer.encode(text)]
    assert characters_V[ids].sum() == pytest.approx(sum(map(len, train)))
    # A token that train lacks counts as the mean of those that it has, the end of a document for nothing.
    assert characters_V[9] == pytest.approx(24 / 7) and characters_V[3] == 0


def test_a_stored_file_is_the_same_tokenizer(tmp_path):
    tokenizer = tokenizers.recipe('file', file=word_piece(tmp_path)).train(TRAIN)
    again = tokenizers.File.from_json(tokenizer.to_json())
    assert again.to_json() == tokenizer.to_json()
    np.testing.assert_array_equal(again.characters_V, tokenizer.characters_V)
    for text in TEXTS:
        np.testing.assert_array_equal(again.encode(text), tokenizer.encode(text))


def test_the_tokens_of_a_file_depend_on_what_it_says(tmp_path):
    before = tokenizers.recipe('file', file=word_piece(tmp_path)).settings
    assert before == tokenizers.recipe('file', 300, word_piece(tmp_path)).settings
    assert before != tokenizers.recipe('file', file=word_piece(tmp_path, end='</s>')).settings


def test_a_file_that_is_no_tokenizer_is_answered_in_one_line(tmp_path):
    for content, wanted in ((b'{}', "no tokenizer.json in Hugging Face's layout"), (b'\xff', 'no tokenizer.json')):
        (tmp_path / 'tokenizer.json').write_bytes(content)
        with pytest.raises(DatasetError, match=wanted) as error:
            tokenizers.recipe('file', file=tmp_path / 'tokenizer.json').train(TRAIN)
        assert '\n' not in str(error.value)
    for path in (tmp_path, tmp_path / 'missing.json'):
        with pytest.raises(DatasetError, match='cannot be read'):
            _ = tokenizers.recipe('file', file=path).settings


def test_a_file_too_many_or_too_few_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="needs the tokenizer 'file', got 'bpe'"):
        tokenizers.recipe('bpe', file=tmp_path)
    with pytest.raises(DatasetError, match='needs tokenizer_file'):
        tokenizers.recipe('file')


@pytest.mark.parametrize('name', WITH_WORDS)
def test_a_vocabulary_has_a_text_for_each_id_and_an_id_for_each_text(name):
    tokenizer = trained(name)
    spelled, index = tokenizer.spelled, tokenizer.index
    assert len(spelled) == tokenizer.vocabulary and spelled[tokenizer.end_of_document] == ''
    assert all(spelled[token] == text for text, token in index.items())
    # Parts of characters have no text of their own, nor has the end of a document.
    assert {text for text in spelled if text and '\ufffd' not in text} == set(index)
    assert ''.join(spelled[token] for token in tokenizer.encode('cat')) == 'cat'


SEGMENTED = [
    ('unicode', '你好，世界！', '你 好 ， 世 界 ！'),
    ('unicode', 'Mix 中文and 3.14, 1,000 x_y', 'Mix 中 文 and 3.14 , 1,000 x_y'),
    ('unicode', "I can't; Emma’s o'clock e.g. it--no...", "I can't ; Emma’s o'clock e.g . it - - no . . ."),
    ('unicode', '日本語のカタカナー 한국어 문장', '日 本 語 の カタカナー 한국어 문장'),
    ('unicode', 'สวัสดี café cafe\u0301', 'ส วั ส ดี café café'),
    ('unicode', '👩‍👩‍👧\n\t€5', '👩‍👩‍👧 € 5'),
    ('treebank', "I can't; Emma’s o'clock. it--no... you'll don't 'twas",
     "I ca n't ; Emma 's o'clock . it -- no ... you 'll do n't ' twas"),
    ('treebank', "CAN'T, isn't-it 你好！", "CA N'T , is n't - it 你 好 ！"),
    ('white_space', '你好，  世界！\n(yes) ', '你好， 世界！ (yes)'),
]  # fmt: skip


@pytest.mark.parametrize(('segmentation', 'text', 'wanted'), SEGMENTED)
def test_words_are_those_of_their_rule(segmentation, text, wanted):
    tokenizer = tokenizers.recipe('words', 300, segmentation=segmentation).train([text])
    assert tokenizer.segment(text) == wanted.split(' ')
    assert sorted(tokenizer.words) == sorted(set(wanted.split(' ')))
    ids = tokenizer.encode(text)
    assert [tokenizer.spelled[token] for token in ids] == wanted.split(' ') and tokenizer.unknown not in ids
    # All characters of train are counted, those between words with the word after them.
    assert tokenizer.characters_V[ids].sum() == pytest.approx(len(text))
    assert tokenizer.characters_V.dtype == np.float32 and tokenizer.characters_V[tokenizer.end_of_document] == 0


def test_the_commonest_words_have_ids_and_all_others_share_one():
    text = ['b b b a a c c c c d', 'a The the']

    def words(vocabulary, **options):
        return tokenizers.recipe('words', vocabulary, **options).train(text)

    assert words(300).words == ['c', 'a', 'b', 'The', 'd', 'the']
    assert words(4).words == ['c', 'a'] and words(4).vocabulary == 4
    assert words(300, min_count=2).words == ['c', 'a', 'b']
    assert words(300, lowercase=True).words == ['c', 'a', 'b', 'the', 'd']
    few = words(4)
    assert few.encode('a b c zebra').tolist() == [1, 2, 0, 2] and few.unknown == 2 and few.end_of_document == 3
    assert few.decode([1, 2, 3, 0]) == 'a <unk> c'
    # 'a' once at the start of a document, twice after a space; of what is unknown nothing is said.
    assert few.characters_V[few.unknown] == 0 and few.characters_V[1] == pytest.approx((2 + 2 + 1) / 3)
    for options, error in (({'min_count': 9}, 'got no word that stands there at least 9 times'), ({}, 'wanted 3')):
        with pytest.raises(DatasetError, match=error):
            words(2 if not options else 9, **options)


def test_words_come_back_with_the_spaces_that_their_scripts_and_punctuation_have():
    for segmentation, text, wanted in (
        ('unicode', 'Yes , he said  (twice): no! 你好，世界！ 3.14.', 'Yes, he said (twice): no!你好，世界！3.14.'),
        ('treebank', "Emma's friend didn't, he'll say.", "Emma's friend didn't, he'll say."),
        ('white_space', 'a  ,b (c', 'a ,b (c'),
    ):
        tokenizer = tokenizers.recipe('words', 300, segmentation=segmentation).train([text])
        assert tokenizer.decode(tokenizer.encode(text)) == wanted


def test_a_word_is_cut_where_it_has_no_end():
    long = 'a' * 3 * tokenizers.WORD
    assert tokenizers.recipe('words', 300).train([long]).segment(long) == ['a' * tokenizers.WORD] * 3


def test_options_of_words_are_refused_where_they_would_do_nothing():
    for option in (dict(lowercase=True), dict(min_count=2), dict(segmentation='treebank')):
        ((name, value),) = option.items()
        with pytest.raises(DatasetError, match=f"{name}={value!r} needs the tokenizer 'words', got 'bpe'"):
            tokenizers.recipe('bpe', **option)
        changed = tokenizers.recipe('words', **option).settings
        assert changed != tokenizers.recipe('words').settings and name not in tokenizers.recipe('bpe').settings


def test_unigram_pieces_are_the_likeliest_ways_to_write_words():
    """Two words, each three times as common as a third that has a part of both."""
    text = [' '.join(['hello', 'world'] * 30 + ['helworld'] * 10)]
    tokenizer = tokenizers.Unigram.train(text, 262)
    assert 259 <= tokenizer.vocabulary <= 262 and {' hello', ' world'} <= set(tokenizer.spelled)
    assert [tokenizer.spelled[i] for i in tokenizer.encode(' hello world')] == [' hello', ' world']
    assert len(tokenizer.encode(' helworld')) < len(' helworld')
    assert tokenizers.Unigram.train(text, 257).vocabulary == 257
    with pytest.raises(DatasetError, match='257'):
        tokenizers.Unigram.train(text, 256)


def test_expected_pieces_of_all_ways_to_write_a_word_are_those_counted_by_hand():
    """'aab' of a, b, aa, ab, with p = 0.4, 0.3, 0.2, 0.1: a a b 0.048, aa b 0.06, a ab 0.04, of 0.148 in all."""
    names = ['a', 'b', 'aa', 'ab']
    lattice = pieces._lattice(['aab', 'b'], {name: i for i, name in enumerate(names)}, whole=True)
    score = np.log([0.4, 0.3, 0.2, 0.1])
    wanted = np.array([2 * 0.048 + 0.04, 0.048 + 0.06, 0.06, 0.04]) / 0.148 * 10 + [0, 7, 0, 0]
    np.testing.assert_allclose(lattice.expected(score, np.array([10.0, 7.0])), wanted, rtol=1e-12)
    np.testing.assert_allclose(lattice.best(score), np.log([0.06, 0.3]), rtol=1e-12)
