"""The shipped novels, how they were made, and their TFDS dataset."""

import hashlib
import io
import lzma
import struct
import sys
import tarfile
import zlib
from pathlib import Path

import pytest

from posbench.datasets import DatasetError, austen, shipped
from posbench.datasets.austen import extract

FOLDER = Path(austen.__file__).parent


def test_the_novels_have_the_characters_of_the_source():
    titles = [title for split in austen.SPLITS.values() for title in split]
    # Characters of the data frames in the R package janeaustenr 1.0.0, lines joined by newlines.
    assert sum(len(austen.novel(title)) for title in titles) == 4_025_022
    assert sorted(titles) == sorted(extract.TITLES) == sorted(austen.SHA256)


def test_a_damaged_novel_is_refused(tmp_path):
    data = bytearray((FOLDER / 'persuasion.txt.bz2').read_bytes())
    data[1000] ^= 1
    (tmp_path / 'persuasion.txt.bz2').write_bytes(data)
    with pytest.raises(ValueError, match='sha256'):
        austen.novel('persuasion', tmp_path)
    with pytest.raises(ValueError, match='missing'):
        austen.novel('emma', tmp_path)


@pytest.mark.parametrize(
    'title, chapters',
    # As printed: Emma in three volumes of 18, 18 and 19 chapters.
    [
        ('emma', 55),
        ('mansfield_park', 48),
        ('northanger_abbey', 31),
        ('persuasion', 24),
        ('pride_and_prejudice', 61),
        ('sense_and_sensibility', 50),
    ],
)
def test_joining_the_chapters_gives_the_novel(title, chapters):
    novel = austen.novel(title)
    pieces = austen.chapters(novel)
    assert ''.join(pieces) == novel
    assert len(pieces) == chapters
    assert all(piece.upper().startswith(('CHAPTER', 'VOLUME')) for piece in pieces[1:])


def test_the_provenance_is_that_of_the_files():
    provenance = (FOLDER / 'PROVENANCE.md').read_text()
    assert extract.DEB_SHA256 in provenance
    for title, digest in austen.SHA256.items():
        data = (FOLDER / f'{title}.txt.bz2').read_bytes()
        assert digest == hashlib.sha256(data).hexdigest()
        line = next(line for line in provenance.splitlines() if f'`{title}.txt.bz2`' in line)
        assert digest in line and f'{len(austen.novel(title)):,}' in line


def debian_package(novels):
    """A .deb with an R lazy-load database of character vectors."""
    database = b''
    for lines in novels:
        chunk = struct.pack('>2s3i i5s ii', b'X\n', 3, 0x40201, 0x30500, 5, b'UTF-8', 0x10, len(lines))
        for line in lines:
            chunk += struct.pack('>ii', 0x40009, len(line.encode())) + line.encode()
        database += struct.pack('>I', len(chunk)) + zlib.compress(chunk)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode='w') as tar:
        entry = tarfile.TarInfo(extract.DATABASE)
        entry.size = len(database)
        tar.addfile(entry, io.BytesIO(database))
    deb = b'!<arch>\n'
    for name, data in ('debian-binary', b'2.0'), ('data.tar.xz', lzma.compress(packed.getvalue())):
        deb += f'{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n'.encode() + data + b'\n' * (len(data) % 2)
    return deb


def test_novels_are_read_from_the_debian_package(monkeypatch):
    novels = [[title, '', 'costs £5', 'FINIS'] for title in extract.TITLES]
    deb = debian_package(novels)
    monkeypatch.setattr(extract, 'DEB_SHA256', hashlib.sha256(deb).hexdigest())
    assert extract.novels(deb) == {title: f'{title}\n\ncosts £5\nFINIS' for title in extract.TITLES}


def test_another_package_is_refused():
    with pytest.raises(ValueError, match='sha256'):
        extract.novels(debian_package([]))


def test_nothing_is_prepared_from_a_damaged_novel(tmp_path, monkeypatch):
    monkeypatch.setitem(austen.SHA256, 'emma', '0' * 64)
    with pytest.raises(DatasetError, match=r'emma\.txt\.bz2 has sha256'):
        shipped.find(tmp_path).documents('train')
    assert not list(tmp_path.iterdir())


def test_the_prepared_dataset_gives_whole_novels_without_tensorflow(tmp_path, monkeypatch):
    source = shipped.find(tmp_path)
    for split, titles in austen.SPLITS.items():
        assert list(source.documents(split)) == [austen.novel(title) for title in titles]
    assert 'tensorflow' not in sys.modules

    with monkeypatch.context() as patch, pytest.raises(DatasetError, match='does not hold the shipped novels'):
        patch.setattr(austen, 'novel', lambda title: 'another text')
        source.documents('test')
    shard = next(tmp_path.glob('austen/1.0.0/austen-test.array_record*'))
    shard.write_bytes(next(tmp_path.glob('austen/1.0.0/austen-validation.array_record*')).read_bytes())
    with pytest.raises(DatasetError, match='does not hold the shipped novels'):
        source.documents('test')


def test_one_novel_is_its_chapters_in_the_tokens_of_all(tmp_path):
    """Two chapters of ten are held out; nothing is lost, and the tokenizer learns from what that of all novels does."""
    source = shipped.find_novel('persuasion', tmp_path)
    found = {split: list(source.documents(split)) for split in ('train', 'validation', 'test')}
    assert {split: len(chapters) for split, chapters in found.items()} == dict(train=20, validation=2, test=2)
    everything = austen.chapters(austen.novel('persuasion'))
    assert sorted(chapter for chapters in found.values() for chapter in chapters) == sorted(everything)
    assert found['validation'] == [everything[4], everything[14]]
    learned_from = list(source.vocabulary_from())
    assert learned_from == [austen.novel(title) for title in austen.SPLITS['train']]
    assert source.fingerprint != shipped.find_novel('emma', tmp_path).fingerprint
