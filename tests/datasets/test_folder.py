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
