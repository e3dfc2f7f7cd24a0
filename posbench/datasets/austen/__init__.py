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
