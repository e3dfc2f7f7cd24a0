"""What all tests share: cheap compilation, and the encodings and configs that they are asked of, as arguments.

`encoding` and `variant` are one encoding and one config of each kind (tests/tiers.py), and all there are with `--all`;
`generating` and `training` are of kinds that only generation, and only the trainer, can tell apart.

`pytest tests/encodings/test_contract.py --encoding=path/to/mine.py` holds the `Encoding` of that file, with the
default options, to the same contract; tests/tasks/test_contract.py does so with `--task=path/to/mine.py`.
"""

import contextlib
import ctypes
import gc
import os
import pathlib

import jax
import pytest

from posbench import encodings, tasks
from posbench.datasets import clients
from posbench.devices import topology
from tests import cheap, small_job, tiers

pytest.register_assert_rewrite('tests.encodings.contract', 'tests.encodings.compare', 'tests.tasks.contract')
os.environ['XLA_FLAGS'] = f'{cheap.XLA_FLAGS} {os.environ.get("XLA_FLAGS", "")}'.strip()
jax.config.update('jax_disable_most_optimizations', True)
jax.config.update('jax_num_cpu_devices', 8)


def pytest_addoption(parser):
    parser.addoption('--all', action='store_true', help='test every encoding, config and task, not one of each kind')
    parser.addoption('--encoding', metavar='FILE', help='test the Encoding of this Python file instead of all others')
    parser.addoption('--task', metavar='FILE', help='test the Task of this Python file instead of all others')


def pytest_generate_tests(metafunc):
    path, everything = metafunc.config.getoption('--encoding'), metafunc.config.getoption('--all')
    for argument, of_all_kinds in ENCODINGS.items():
        if argument in metafunc.fixturenames:
            if path is None:
                names = encodings.names() if everything else of_all_kinds()
                built = {name: encodings.build(name) for name in names}
            else:
                name = pathlib.Path(path).stem
                built = {name: encodings.build(name, module=path)}
            metafunc.parametrize(argument, built.values(), ids=built)
    for argument, of_all_kinds in CONFIGS.items():
        if argument in metafunc.fixturenames:
            metafunc.parametrize(argument, small_job.VARIANTS if everything else of_all_kinds())
    if 'any_task' in metafunc.fixturenames:
        path = metafunc.config.getoption('--task')
        names = tasks.names() if everything else tiers.tasks_of_all_kinds()
        metafunc.parametrize('any_task', names if path is None else [path], indirect=True)


def pytest_configure(config):
    config.addinivalue_line('markers', 'everything: asked with --all alone; what is asked anyway is much like it')


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """All tests of one encoding or config go to one worker, which then compiles what they share once.

    First, because pytest-xdist reads the groups when it is its turn.

    Groups are sent out in this order: files, some of which take minutes, before encodings and configs, which take
    seconds, so that at the end no worker waits long for the others.
    """
    if not config.getoption('--all'):
        items[:] = [item for item in items if item.get_closest_marker('everything') is None]
    for item in items:
        named = getattr(item, 'callspec', None) and item.callspec.id.split(']')[0].split('-')
        known = next((part for part in named or () if part in NAMES), None)
        item.add_marker(pytest.mark.xdist_group(known or item.nodeid.partition('::')[0]))
    items.sort(key=lambda item: item.get_closest_marker('xdist_group').args[0] in NAMES)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Skips where a registry is not reached, and see `_forget`."""
    _forget(item)
    with _skipped_without_a_registry(item):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    with _skipped_without_a_registry(item):
        return (yield)


@contextlib.contextmanager
def _skipped_without_a_registry(item):
    try:
        yield
    except clients.Unreachable as error:
        if item.get_closest_marker('fetches') is None:
            raise
        pytest.skip(str(error))


def _forget(item):
    """Forgets what was compiled after every twentieth group of tests: a worker would need many GiB in the end."""
    group = item.get_closest_marker('xdist_group').args[0]
    if group not in SEEN:
        SEEN.append(group)
        if len(SEEN) % 20 == 0:
            jax.clear_caches()
            gc.collect()
            # glibc keeps what was freed, unless it is asked for it.
            getattr(ctypes.CDLL(None), 'malloc_trim', lambda pad: None)(0)


def pytest_collection_finish():
    """Python looks for garbage less often: a fifteenth of the time of a worker went by in that."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


ENCODINGS = {'encoding': tiers.encodings_of_all_kinds, 'generating': tiers.encodings_of_all_caches}
CONFIGS = {'variant': tiers.configs_of_all_kinds, 'training': tiers.configs_of_all_trainings}
NAMES = {*encodings.names(), *tasks.names(), *small_job.VARIANTS}
SEEN = []


@pytest.fixture
def tpu_compiler(monkeypatch):
    """The settings of libtpu, for the time of a test."""
    for name, value in {**topology.QUIET, 'JAX_PLATFORMS': 'cpu'}.items():
        monkeypatch.setenv(name, value)
