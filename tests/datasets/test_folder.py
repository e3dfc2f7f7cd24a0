import codecs

import pytest

from posbench.datasets import DatasetError, folder


@pytest.fixture
def books(tmp_path):
    for split in ('train', 'validation', 'test'):
        (tmp_path / split).mkdir()
        (tmp_path / split / 'b.txt').write_text(f'second of {split}, é', encoding='utf-8')
        (tmp_path / split / 'a.txt').write_bytes(b'first\r\n')
        (tmp_path / split / 'notes.md').write_text('no text of ours')
    return tmp_path


def test_each_text_file_is_a_document_in_the_order_of_names(books):
    source = folder.find(books)
    assert list(source.documents('test')) == ['first\r\n', 'second of test, é']
    assert source.sizes == {'train': 2, 'validation': 2, 'test': 2}


def test_the_fingerprint_follows_the_text_and_nothing_else(books):
    before = folder.find(books).fingerprint
    (books / 'train' / 'notes.md').write_text('other notes')
    (books / 'train' / 'a.txt').touch()
    assert folder.find(books).fingerprint == before
    (books / 'train' / 'a.txt').write_bytes(b'First\r\n')  # Of the same length.
    assert folder.find(books).fingerprint != before


def test_the_fingerprint_knows_which_split_a_document_is_in(books):
    before = folder.find(books).fingerprint
    (books / 'test' / 'b.txt').rename(books / 'validation' / 'c.txt')
    assert folder.find(books).fingerprint != before


def test_a_missing_folder_or_split_is_named(books):
    with pytest.raises(DatasetError, match=r'needs folder=\.\.\.'):
        folder.find(None)
    with pytest.raises(DatasetError, match='nowhere is no directory'):
        folder.find(books / 'nowhere')
    for path in (books / 'test').iterdir():
        path.unlink()
    (books / 'test').rmdir()
    with pytest.raises(DatasetError, match=r'lacks test/; wanted train/, validation/, test/'):
        folder.find(books)


def test_a_split_without_text_is_named(books):
    (books / 'validation' / 'a.txt').write_bytes(b'')
    (books / 'validation' / 'b.txt').unlink()
    with pytest.raises(DatasetError, match='validation holds no text'):
        folder.find(books)


def test_a_file_that_is_not_utf_8_is_named_with_the_offset(books):
    (books / 'train' / 'b.txt').write_bytes(b'caf\xe9 au lait')
    with pytest.raises(DatasetError, match=r'b\.txt is not UTF-8: byte 0xe9 at offset 3'):
        list(folder.find(books).documents('train'))


def test_a_byte_order_mark_is_no_text(books):
    (books / 'train' / 'a.txt').write_bytes(codecs.BOM_UTF8 + 'é, \ufeff inside'.encode())
    assert next(folder.find(books).documents('train')) == 'é, \ufeff inside'
    (books / 'train' / 'a.txt').write_bytes(codecs.BOM_UTF8 + b'caf\xe9')
    with pytest.raises(DatasetError, match='byte 0xe9 at offset 6'):
        next(folder.find(books).documents('train'))
    for path in (books / 'test').glob('*.txt'):
        path.write_bytes(codecs.BOM_UTF8)
    with pytest.raises(DatasetError, match='test holds no text'):
        folder.find(books)


@pytest.mark.parametrize(
    ('written_in', 'wanted'),
    [
        ('utf-16', 'UTF-16 or UTF-32 by its byte-order mark'),
        ('utf-32', 'UTF-16 or UTF-32 by its byte-order mark'),
        ('utf-16-le', 'no text: byte 0x00 at offset 1;'),
        ('utf-16-be', 'no text: byte 0x00 at offset 0;'),
    ],
)
def test_a_file_of_another_encoding_is_refused_with_or_without_its_mark(books, written_in, wanted):
    (books / 'train' / 'b.txt').write_text('Emma Woodhouse', encoding=written_in)
    with pytest.raises(DatasetError, match=rf'b\.txt is {wanted}'):
        list(folder.find(books).documents('train'))


def test_line_ends_and_odd_names_change_nothing(books):
    (books / 'train' / 'a.txt').rename(books / 'train' / 'a [1] \u202e字\n.txt')
    assert next(folder.find(books).documents('train')) == 'first\r\n'
