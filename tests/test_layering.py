"""Imports go one way, and the other rules of the house that a parser can check."""

import ast
import functools
import pathlib
import re

import pytest

from posbench import encodings, positions
from posbench.encodings import base

ROOT = pathlib.Path(__file__).parent.parent
FILES = {
    '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__'): path
    for path in [*sorted((ROOT / 'posbench').rglob('*.py')), ROOT / 'launch.py']
}
TREES = {name: ast.parse(path.read_text('utf-8'), str(path)) for name, path in FILES.items()}

# From the bottom up; a module may import from its own line and from those above it. A folder stands for its files.
LAYERS = """
    devices.cpus files identity interrupts knobs.kinds registry streams datasets.sources
    failures
    manifest report word_vectors.ngrams
    knobs.rules knobs.tree knobs.user_file knobs.source ops.blocks ops.branches ops.products
    ops.online_softmax ops.linear ops.orthogonal
    training.origin devices.host devices.partners knobs.annotations knobs.declared ops.broadcast devices.fingerprint
    training.progress training.log training.kinds models.style word_vectors.formats
    knobs ops devices positions.documents training.settings encodings.parts.declaration encodings.parts.uncut
    word_vectors.vectors word_vectors.settings
    encodings.base
    encodings positions word_vectors.corpus word_vectors.base
    word_vectors.cooccurrence word_vectors.pairs word_vectors.rows word_vectors.windows
    word_vectors.full word_vectors.hierarchical word_vectors.inputs word_vectors.negatives
    word_vectors.word2vec
    models.kernels models.lstm models.ring
    models.attention models.cross_attention inputs heads bodies.base runs.locks runs.process
    runs.experiment runs.workdir runs.live runs.seen runs.cores runs.grids
    runs.plan
    runs.reuse
    runs.executors
    runs.work
    atlas.probing atlas.views datasets
    atlas.mechanism models.block tasks word_vectors
    models.transformer
    models.encoder_decoder
    bodies
    models.model
    models pretrained
    bodies.published
    training.arrays
    training.checkpoint training.decode training.generate
    training.init
    training.clock training.fitting training.optim training.profile training.room training.step training.vectors
    training.evaluate training.phases training.trainable
    training.probe training.tags
    training.job training.nans word_vectors.job
    training.parameters training.programs
    training.loop
    atlas.picture atlas.rows training
    runs.rows runs.console
    runs.pipeline
    runs.predict
    runs.samples runs.study runs.embed runs.vectors
    runs.models
    runs.ahead runs.costs
    runs.ahead_of_study
    runs.run runs
    atlas
    launch
"""
LEVELS = {name: level for level, line in enumerate(LAYERS.strip().splitlines()) for name in line.split()}


def level(module: str) -> int | None:
    """The layer of a module; None for the package itself, which holds nothing but its version and a way in."""
    name = module.removeprefix('posbench.')
    while name not in LEVELS and '.' in name:
        name = name.rpartition('.')[0]
    return LEVELS.get(name)


@functools.cache
def imports(module: str) -> set[str]:
    """Everything that a module imports, at its top or inside a function; modules of the package by their full name."""
    found = set()
    for node in ast.walk(TREES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{module}: a relative import'
            members = {f'{node.module}.{alias.name}' for alias in node.names}
            found |= {member if member in FILES else node.module for member in members}
    return found


def within(module: str) -> set[str]:
    return imports(module) & set(FILES) - {'posbench'}


def outside(module: str) -> set[str]:
    return {name.partition('.')[0] for name in imports(module)}


@functools.cache
def everything_behind(module: str) -> set[str]:
    """A module and all that it imports, directly or not."""
    seen, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += within(name)
    return seen


def test_every_module_has_a_layer_and_every_layer_its_modules():
    assert [name for name in FILES if name != 'posbench' and level(name) is None] == []
    there_are = {name.removeprefix('posbench.') for name in FILES}
    assert [name for name in LEVELS if name not in there_are] == []


def test_imports_go_one_way():
    layered = [name for name in FILES if level(name) is not None]
    upwards = [(name, other) for name in layered for other in within(name) if level(other) > level(name)]
    assert upwards == []


def test_no_two_modules_import_each_other():
    # A package and its own files are one thing.
    circles = [
        (name, other)
        for name in FILES
        for other in within(name)
        if name in everything_behind(other) and not (name + '.').startswith(other + '.') and name != other
    ]
    assert circles == []


def test_an_encoding_knows_only_the_base_its_helpers_and_ranges():
    below = ('posbench.encodings', 'posbench.knobs', 'posbench.ops')
    for name in encodings.names():
        others = within(f'posbench.encodings.{name}')
        assert {other for other in others if not other.startswith(below)} == set(), name


@pytest.mark.parametrize(
    'module', ['report', 'knobs', 'runs.workdir', 'runs.study', 'training.settings', 'word_vectors.vectors']
)
def test_what_answers_before_jax_is_loaded_does_not_load_it(module):
    members = [name for name in FILES if f'{name}.'.startswith(f'posbench.{module}.')]
    loaded = {other for name in members for behind in everything_behind(name) for other in outside(behind)}
    assert not loaded & {'jax', 'jaxlib', 'flax', 'optax', 'orbax'}


@pytest.mark.parametrize(
    'package, homes',
    [
        ('orbax', {'training'}),
        ('ml_collections', {'knobs', 'runs'}),
        ('flax', {'encodings', 'inputs', 'ops', 'models', 'bodies', 'heads', 'pretrained', 'tasks'}),
        ('safetensors', {'pretrained', 'runs'}),
        ('submitit', {'runs'}),
        ('ray', {'runs'}),
        ('tensorflow', {'datasets'}),
        ('tensorflow_datasets', {'datasets'}),
    ],
)
def test_only_its_home_imports(package, homes):
    importing = {name.removeprefix('posbench.').partition('.')[0] for name in FILES if package in outside(name)}
    assert importing <= homes


def test_transformer_and_attention_name_no_encoding():
    rooms = tuple(f'posbench.{room}' for room in ('models', 'inputs', 'bodies', 'heads'))
    for module in (name for name in FILES if name.startswith(rooms)):
        words = set(re.findall(r'\w+', FILES[module].read_text('utf-8')))
        # An encoding that is one hook may be called as the hook is.
    assert words & (set(encodings.names()) - set(base.HOOKS)) == set(), module


def test_nothing_outside_of_encodings_asks_which_encoding_it_is():
    """Comparing a name with an encoding's or a position map's, by ==, `in` or `match`."""
    names, found = set(encodings.names()) | set(positions.names()), []

    def names_something(side):
        return re.search('name|encoding|positions', ast.unparse(side))

    def texts(node):
        parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
        return {part for part in parts if isinstance(part, str)}

    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Compare):
                asks = any(map(names_something, (node.left, *node.comparators)))
            else:
                asks = isinstance(node, ast.MatchValue)
            if asks and texts(node) & names:
                found.append(f'{module}:{node.lineno}: {ast.unparse(node)}')
    assert found == []


def test_nothing_executes_text_or_unpickles():
    found = []
    for module, tree in TREES.items():
        found += [f'{module}: imports {name}' for name in outside(module) & {'pickle', 'cPickle', 'dill', 'shelve'}]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name) and node.func.id in ('eval', 'exec'):
                    found.append(f'{module}:{node.lineno}: {node.func.id}')
                allowed = [keyword.value for keyword in node.keywords if keyword.arg == 'allow_pickle']
                found += [f'{module}:{node.lineno}: allow_pickle' for value in allowed if ast.unparse(value) != 'False']
    assert found == []


def test_no_knob_has_a_second_home():
    """`config.get(key, default)` would be one; so would an environment variable."""
    found = []
    for module, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == 'get':
                holder = ast.unparse(node.func.value)
                if (holder == 'config' or holder.endswith('.config')) and len(node.args) > 1:
                    found.append(f'{module}:{node.lineno}: {ast.unparse(node)}')
    assert found == []


def test_files_are_short_and_named_after_what_they_hold():
    assert {name: n for name, path in FILES.items() if (n := len(path.read_text('utf-8').splitlines())) > 350} == {}
    assert [path for path in FILES.values() if path.stem in ('utils', 'util', 'helpers', 'common', 'misc')] == []


def test_every_module_and_public_function_has_a_docstring():
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    missing = [name for name, tree in TREES.items() if tree.body and not ast.get_docstring(tree)]
    for name, tree in TREES.items():
        public = [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith('_')]
        missing += [f'{name}.{node.name}' for node in public if not ast.get_docstring(node)]
    assert missing == []


def test_every_text_file_is_opened_in_an_encoding_of_its_own():
    """Not in that of the terminal: with LANG=C a name or a text in other letters would be a traceback."""
    lacking = []
    for name, tree in TREES.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            function = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, 'id', '')
            given = {keyword.arg for keyword in call.keywords}
            texts = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
            plain = {'read_text': not texts, 'write_text': 'utf-8' not in texts, 'run': 'text' in given}.get(function)
            if function == 'open' and texts:
                # A mode, not a path.
                plain = re.fullmatch('[rwax]t?', texts[-1]) is not None
            if plain and 'encoding' not in given:
                lacking.append(f'{name}:{call.lineno}')
    assert not lacking


def test_programs_ask_lapack_for_small_matrices_alone():
    """On a CPU with several devices, decompositions of large ones have waited for ever (ops/orthogonal.py)."""
    asks = re.compile(r'jnp\.linalg|lax\.linalg|jax\.scipy|initializers\.(delta_)?orthogonal')
    found = [name for name, path in FILES.items() if asks.search(path.read_text('utf-8'))]
    # Blocks of a few channels of a head, and no products would find their planes.
    assert found == ['posbench.encodings.parts.planes']
