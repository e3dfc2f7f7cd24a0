import numpy as np
import pytest

from posbench.datasets import DatasetError, tokenizers

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


def trained(name):
    return tokenizers.kind(name).train(TRAIN, 300)


@pytest.mark.parametrize('name', ['bytes', 'bpe'])
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


@pytest.mark.parametrize('name', tokenizers.KINDS)
@pytest.mark.parametrize('text', TEXTS)
def test_the_characters_of_the_tokens_sum_to_those_of_the_text(name, text):
    tokenizer = trained(name)
    ids_N = np.append(tokenizer.encode(text), tokenizer.end_of_document)
    assert tokenizer.characters_V[ids_N].sum() == len(text)


@pytest.mark.parametrize('name', tokenizers.KINDS)
def test_the_end_of_a_document_is_the_last_id_and_never_text(name):
    tokenizer = trained(name)
    end = tokenizer.end_of_document
    assert end == tokenizer.vocabulary - 1 == len(tokenizer.characters_V) - 1
    assert all((tokenizer.encode(text) < end).all() for text in TEXTS)
    cat = tokenizer.encode('cat').tolist()
    assert tokenizer.decode([end, *cat, end, end, *cat]) == 'catcat'
    assert tokenizer.encode('cat').dtype == tokenizer.characters_V.dtype == np.int32


@pytest.mark.parametrize('name', tokenizers.KINDS)
def test_a_stored_tokenizer_is_the_same_tokenizer(name):
    tokenizer = trained(name)
    again = tokenizers.kind(name).from_json(tokenizer.to_json())
    assert again.to_json() == tokenizer.to_json() == trained(name).to_json()
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


def test_broken_utf_8_decodes_to_replacement_characters():
    assert trained('bytes').decode([ord('a'), 0xF0, 0x9F, ord('b')]) == 'a\ufffdb'


def test_only_what_decides_the_tokens_is_among_the_settings():
    assert tokenizers.settings('bytes', 300) == tokenizers.settings('bytes', 400)
    assert tokenizers.settings('bpe', 300) != tokenizers.settings('bpe', 400)


def test_an_unknown_tokenizer_is_answered_with_the_nearest():
    with pytest.raises(DatasetError, match="'byte'; did you mean 'bytes'"):
        tokenizers.kind('byte')


def test_the_first_documents_end_where_they_are_told_to():
    assert list(tokenizers.first(['abc', 'def', 'ghi'], 5)) == ['abc', 'de']
    assert list(tokenizers.first(['abc', 'def'], 3)) == ['abc']
    assert list(tokenizers.first(['abc', 'def'], 9)) == ['abc', 'def']
