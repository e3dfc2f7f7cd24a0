"""The six novels of Jane Austen: 4,025,022 characters in the public domain, shipped with posbench.

Standard library only. The builder of the TFDS dataset stands beside this in austen_dataset_builder.py, where the
files come from in PROVENANCE.md, and how they were made in extract.py.
"""

import bz2
import hashlib
import re
from pathlib import Path

# Whole novels, so that no sentence of a book that is scored was ever trained on.
SPLITS = {
    'train': ('sense_and_sensibility', 'pride_and_prejudice', 'mansfield_park', 'emma'),
    'validation': ('northanger_abbey',),
    'test': ('persuasion',),
}
# Of chapters, where novels are told apart: number n of a novel, counted from 1 through all its volumes, by n mod 10.
CHAPTERS_HELD_OUT = {5: 'validation', 0: 'test'}
# Of each <novel>.txt.bz2 in this folder.
SHA256 = {
    'sense_and_sensibility': 'e0d25c1f12450b119c29b645dca173bb580f41d8d87432d9ab01619eebd0b08e',
    'pride_and_prejudice': '410ae34feb5fc4d247d390cfacd33f71b53074e81fcc63772f5cd38a4641c787',
    'mansfield_park': '06255d725195cc153efb669b223a8956a690ebba8c8500fb32364631be6a58a7',
    'emma': '1d92166d452ca2342f36bf34a20427a724453ea5214e240b5f9f1d750125f935',
    'northanger_abbey': '967c601ae92d0e3a4397b5bd383eee3cae4cfcf54b6ae21ff1a61d5d9a0bd87d',
    'persuasion': 'd3dce9c4bf90b4fd41cc1e7e4d9cdd3950b41f605e4e24548ff3f575f13e3a4f',
}
# A volume's heading belongs to its first chapter, and what stands before chapter one belongs to chapter one.
_HEADING = re.compile(r'^(?:VOLUME [IVX]+\n+)?CHAPTER [IVXL\d]+$', re.MULTILINE | re.IGNORECASE)

# What ends a volume or a novel, notes of its editors, and an afterword.
_CLOSING = re.compile(
    r'^ *(?:THE END|FINIS|\(End of volume one\.\)|\[(?:At this point|End volume)[^]]*\]|\*Vide a letter.*)\Z',
    re.MULTILINE | re.IGNORECASE | re.DOTALL,
)


def novel(title: str, folder: Path = Path(__file__).parent) -> str:
    """The text of one novel, as in the source, its lines joined by newlines.

    Raises ValueError if the shipped file is missing or is not the one whose sha256 stands here.
    """
    path = folder / f'{title}.txt.bz2'
    if not path.is_file():
        raise ValueError(f'The shipped novel {path} is missing; restore it from the repository.')
    compressed = path.read_bytes()
    digest = hashlib.sha256(compressed).hexdigest()
    if digest != SHA256[title]:
        raise ValueError(f'{path} has sha256 {digest}, wanted {SHA256[title]}; restore it from the repository.')
    return bz2.decompress(compressed).decode('utf-8')


def chapters(text: str) -> list[str]:
    """A novel cut before each chapter's heading; joining the pieces gives the novel."""
    cuts = [match.start() for match in _HEADING.finditer(text)][1:]
    return [text[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(text)])]


def prose(chapter: str) -> str:
    """The paragraphs of a chapter, one a line, without what its typist made of it and its publisher put around it.

    Gone are the heading and all that stands before it (in a first chapter the title of the novel), what ends a volume
    or the novel, line breaks and spaces within a paragraph, and the underscores of italics.
    """
    chapter = _CLOSING.sub('', chapter[_HEADING.search(chapter).end() :].rstrip())
    paragraphs = (' '.join(paragraph.split()) for paragraph in re.split(r'\n\s*\n', chapter.replace('_', '')))
    return '\n'.join(filter(None, paragraphs))


def chapters_of(split: str) -> list[tuple[str, str]]:
    """(title, prose) of the chapters of a split of CHAPTERS_HELD_OUT, of all six novels, in the order of SHA256."""
    return [
        (title, prose(chapter))
        for title in SHA256
        for number, chapter in enumerate(chapters(novel(title)), start=1)
        if split_of_chapter(number) == split
    ]


def split_of_chapter(number: int) -> str:
    """The split of chapter `number` of a novel, counted from 1 through all its volumes."""
    return CHAPTERS_HELD_OUT.get(number % 10, 'train')
