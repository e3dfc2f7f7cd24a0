"""1,797 handwritten digits of 8 x 8 pixels, shipped with posbench.

NumPy only. Where the file comes from stands in PROVENANCE.md, and how it was made in extract.py.
"""

import gzip
import hashlib
from pathlib import Path

import numpy as np

# Of digits.csv.gz in this folder.
SHA256 = '09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22'
SIDE, LARGEST = 8, 16
NAMES = tuple('0123456789')


def images(folder: Path = Path(__file__).parent) -> tuple[np.ndarray, np.ndarray]:
    """(pixels from 0 to 16, uint8 [1797, 8, 8], row by row; which digit each is, int32 [1797]), as in the source.

    Raises ValueError if the shipped file is missing or is not the one whose sha256 stands here.
    """
    path = folder / 'digits.csv.gz'
    if not path.is_file():
        raise ValueError(f'The shipped digits {path} are missing; restore them from the repository.')
    compressed = path.read_bytes()
    digest = hashlib.sha256(compressed).hexdigest()
    if digest != SHA256:
        raise ValueError(f'{path} has sha256 {digest}, wanted {SHA256}; restore it from the repository.')
    lines = gzip.decompress(compressed).decode('ascii').split()
    table = np.array([line.split(',') for line in lines]).astype(np.int32)
    return table[:, :-1].reshape(-1, SIDE, SIDE).astype(np.uint8), table[:, -1]
