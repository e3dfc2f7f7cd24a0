"""A package of a few encodings and position maps, as source alone, and a config in a folder of its own that uses it."""

import pathlib
from collections.abc import Callable

from posbench.knobs import schema

BASE = """
from typing import ClassVar
class PositionEncoding:
    width: int | None = None
    heads: int | None = None
    head_width: int | None = None
    even_width: ClassVar[bool] = False
    even_head_width: ClassVar[bool] = False
    def bias(self, pos_q_BL, pos_k_BM): ...
"""
TURN = """
from typing import Annotated, ClassVar, Literal
import no_such_package_can_be_imported
from posbench.encodings import base
from posbench.knobs import Range
class Encoding(base.PositionEncoding):
    theta: Annotated[float, Range(above=0)] = 10_000.0
    layout: Literal['half', 'interleaved'] = 'half'
    limit: Annotated[int, Range(min=1)] | None = None
    factors: tuple[float, ...] = (1, 0.5)
    width: int | None = None
    even_head_width: ClassVar[bool] = True
"""
TURN_MORE = """
from posbench.encodings import turn as plain
class Encoding(plain.Encoding):
    theta: float = 5.0
    learn: bool = False
    even_width = True
"""
IN_ORDER = """
def in_order(rng, batch_size, length, *, train=False): ...
"""
DRAWN = """
from typing import Annotated
from posbench.knobs import Range
def drawn(rng, batch_size, length, *, max_position: Annotated[int, Range(min=1)] = 2048, train: bool = False): ...
def _hidden(rng, batch_size, length): ...
"""
PACKED = """
def packed(segment_ids): ...
"""

FILES = {
    'encodings/base.py': BASE,
    'encodings/turn.py': TURN,
    'encodings/turn_more.py': TURN_MORE,
    'encodings/tables.py': 'SIZE = 3',
    'encodings/plain.py': f'{BASE}class Encoding: ...',
    'positions/in_order.py': IN_ORDER,
    'positions/drawn.py': DRAWN,
    'positions/packed.py': PACKED,
}


def write(folder: pathlib.Path) -> pathlib.Path:
    """Writes the package to folder/package, and makes folder/mine for the config."""
    for name, text in FILES.items():
        file = folder / 'package' / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / 'mine').mkdir()
    return folder / 'package'


def loader(folder: pathlib.Path) -> Callable:
    """Writes the package; gives a function that loads folder/mine/own.py, the default config on an encoding of it.

    `change` is a line of Python more, the sixth of the file; train__steps='3' overrides train.steps.
    """
    package = write(folder)
    config = folder / 'mine' / 'own.py'

    def load(change='', encoding="dict(name='turn', module=None)", **overrides):
        config.write_text(
            'from configs import default\n'
            'def get_config():\n'
            '    config = default.get_config()\n'
            f'    config.encoding = {encoding}\n'
            "    config.positions = dict(name='in_order')\n"
            f'    {change}\n'
            '    return config\n'
        )
        return schema.load(config, {key.replace('__', '.'): value for key, value in overrides.items()}, package=package)

    return load
