"""A package of a few things that a config chooses, as source alone, and a config in a folder of its own that uses it.

Plain groups are declared as in posbench itself; all else is smaller, and nothing of it can be imported.
"""

import pathlib
from collections.abc import Callable

from posbench.knobs import declared, forms, schema

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
PLAIN_TASK = """
class Task:
    def sample(self, rng, batch_size, length): ...
"""
LANGUAGE_MODEL = """
from typing import Annotated, ClassVar
import no_such_package_can_be_imported
from posbench.knobs import Range
from posbench.tasks import base
class Task(base.Task):
    reads: ClassVar[str] = 'text'
    tokens_N: jax.Array
    text: Text | None = base.constant(None)
    separate_documents: bool = base.option(False)
    on_device: bool = base.option(True)
    stride: Annotated[int, Range(min=1)] = base.option(32)
"""
CLOZE = """
from typing import Annotated
from posbench.knobs import Range
from posbench.tasks.base import option
from posbench.tasks.text import language_model
class Task(language_model.Task):
    share: Annotated[float, Range(above=0, below=1)] = option(0.15)
"""
COUNT = """
from posbench.tasks import base
class Task(base.Task):
    symbols: int = base.option(8)
"""
PATCHES = """
from typing import ClassVar
from posbench.tasks import base
class Task(base.Task):
    reads: ClassVar[str] = 'images'
    size: int = base.option(4)
"""
TEXT = """
from pathlib import Path
from typing import Annotated, Literal
from posbench.knobs import Range
def load(
    name: str = 'austen', *, folder: str | Path | None = None, text_feature: str | None = None,
    tokenizer: Literal['bytes', 'characters', 'bpe', 'file'] = 'bpe', vocabulary: Annotated[int, Range(min=1)] = 1024,
    tokenizer_file: str | Path | None = None, lowercase: bool = False, min_count: int = 1,
    segmentation: str = 'unicode', data_dir: str | Path | None = None, quiet: bool = False,
): ...
"""
IMAGES = """
from typing import Literal
def load(name: Literal['digits'], *, grey: bool = True, quiet: bool = False): ...
"""
BASE_INPUT = """
from typing import ClassVar
class Input:
    set_by_the_house: ClassVar[tuple[str, ...]] = ('vocabulary', 'width')
    vocabulary: int | None = None
    width: int = 128
"""
TOKENS = """
from posbench import knobs
from posbench.inputs import base
from posbench.knobs import Path
class Input(base.Input):
    combine: knobs.Combined = 'add'
    file: Path | None = None
    unknown: str = 'drawn'
    lowercase: bool = True
    scale: float | None = None
    features: str | None = None
    feature_width: int = 32
"""
VECTORS = """
from posbench.inputs import base
class Input(base.Input):
    bias: bool = True
"""
BASE_BODY = """
from typing import Annotated, ClassVar
from posbench.knobs import Range
from posbench.models.style import Style
class Body:
    set_by_the_house: ClassVar[tuple[str, ...]] = ('encoding', 'dtype', 'style')
    encoding: base.PositionEncoding = base.PositionEncoding()
    width: Annotated[int, Range(min=1)] = 128
    dropout: Annotated[float, Range(min=0, below=1)] = 0.0
    dtype: jnp.dtype = jnp.float32
    style: Style = Style()
    def embedding(self): ...
"""
LAYERS = """
from typing import Annotated, Literal
from posbench.bodies import base as base_body
from posbench.knobs import Range
from posbench.models import kernels
Natural = Annotated[int, Range(min=1)]
class Layers(base_body.Body):
    layers: Natural = 4
    heads: Natural = 4
    hidden: Natural = 512
    norm: Literal['pre', 'post'] = 'pre'
    qk_norm: bool = False
    remat: bool = False
    scan_layers: bool = False
    block_size: Natural | None = None
    kernel: kernels.Knob = 'auto'
"""
DECODER = """
from posbench.models import layers
class Body(layers.Layers): ...
"""
LSTM = """
from typing import Annotated
from posbench.bodies import base
from posbench.knobs import Range
class Body(base.Body):
    layers: Annotated[int, Range(min=1)] = 1
    both_ways: bool = True
"""
TIED = """
from posbench.heads import base
class Head(base.Head):
    tie: bool = True
"""
CLASSIFY = """
from typing import Literal
from posbench.heads import base
class Head(base.Head):
    pool: Literal['mean', 'cls'] = 'mean'
"""
TRAINER = """
from typing import Annotated, ClassVar
import no_such_package_can_be_imported
from posbench.knobs import Range
class Trainer:
    width: Annotated[int, Range(min=1)] = 100
    metrics: ClassVar[tuple[str, ...]] = ('loss',)
    def rate(self, step, total): ...
"""
COUNTED = """
from posbench.word_vectors import base
class Counting(base.Trainer):
    window: int = 5
class Trainer(Counting):
    cells: str | None = None
"""
WORDS = """
from posbench.knobs import Path
def load(name: str = 'austen', *, folder: Path | None = None, min_count: int = 5, data_dir: Path | None = None): ...
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
    'tasks/base.py': PLAIN_TASK,
    'tasks/text/language_model.py': LANGUAGE_MODEL,
    'tasks/text/cloze.py': CLOZE,
    'tasks/symbols/count.py': COUNT,
    'tasks/image/patches.py': PATCHES,
    'datasets/text.py': TEXT,
    'datasets/images.py': IMAGES,
    'inputs/base.py': BASE_INPUT,
    'inputs/tokens.py': TOKENS,
    'inputs/combine/add.py': 'class Combination: ...',
    'inputs/vectors.py': VECTORS,
    'bodies/base.py': BASE_BODY,
    'bodies/decoder.py': DECODER,
    'bodies/lstm.py': LSTM,
    'heads/base.py': 'class Head:\n    width: int = 128',
    'heads/tied.py': TIED,
    'heads/classify.py': CLASSIFY,
    'word_vectors/base.py': TRAINER,
    'word_vectors/counted.py': COUNTED,
    'datasets/words.py': WORDS,
    'models/layers.py': LAYERS,
    'models/kernels.py': "Knob = Literal['auto', 'own', 'fused']",
} | {file: (declared.PACKAGE / file).read_text('utf-8') for form in forms.FORMS for file, _ in form.settings.values()}


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

    def load(change='', encoding="dict(name='turn')", **overrides):
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
