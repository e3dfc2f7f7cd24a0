"""What the default tier of the tests leaves out: checks of what is made like something that they are asked of anyway.

    python -m pytest          checks of every encoding: of one encoding of each kind; what hears positions: of all;
                              of every task likewise, those against its oracle of all
    python -m pytest --all    everything of everything

A kind is what the rest of the package can know of an encoding: its hooks and its claims, whose its parameters are, and
how its layers repeat; of a task that is a question and its answer, all but what is asked. No names are kept here: a
new encoding of a new kind is asked everything.
"""

import functools
import importlib
import json
from collections.abc import Callable, Hashable, Iterable
from typing import Any

import jax

from posbench import encodings, tasks
from posbench.encodings import base
from posbench.tasks import questions
from tests import small_job
from tests.encodings import small


def kind(encoding: base.PositionEncoding) -> Hashable:
    """Two encodings of one kind differ in the numbers that their hooks give, and in nothing else."""
    hooks = tuple(name for name in base.HOOKS if encoding.has(name))
    claims = tuple(getattr(encoding, name) for name in base.CLAIMS)
    return hooks, claims, encoding.owns_parameters(), encoding.period


def kind_of_cache(encoding: base.PositionEncoding) -> Hashable:
    """What generation can know of an encoding: the parts of the cache, and claims."""
    model = small.model(encoding, layers=1)
    cache = jax.eval_shape(lambda: model.empty_cache(1, 8, small.lift(encoding, small.positions(1, 1))))
    claims = (getattr(encoding, name) for name in ('depends_on_length', 'needs_causal', 'reads_order'))
    return jax.tree.structure(cache), encoding.axes > 1, encoding.has('embed'), *claims


def kind_of_training(config: Any) -> Hashable:
    """What the trainer can know of a config: all of it but which encoding there is, and what that asks of a trainer."""
    built = encodings.build(**config.encoding)
    plain = config.to_dict()
    then = plain['second_phase'].pop('encoding')['name']
    known = built.owns_parameters(), built.period
    rest = {name: value for name, value in plain.items() if name != 'encoding'}
    return json.dumps(rest, sort_keys=True, default=str), then is None, known


def kind_of_config(config: Any) -> Hashable:
    """That of its encodings, of both phases, and its positions: a map alone, without its options."""
    then = config.second_phase.encoding
    second = None if then.name is None else kind(encodings.build(**then))
    return kind(encodings.build(**config.encoding)), second, config.positions.name


# What such a task has of its own in any case, and what only its oracle can know.
ASKED = {'alphabet', 'rooms', 'asked', 'shortest', 'chance', 'letter', 'symbol'}


def kind_of_task(task: type) -> Hashable:
    """Two tasks of one kind differ in what they ask; of tasks that are no questions each is a kind."""
    if not issubclass(task, questions.Question):
        return task
    own = frozenset(name for name in vars(task) if not name.startswith('_') and name not in ASKED)
    return task.__bases__, own


def representatives(names: Iterable[str], kind_of: Callable[[str], Hashable]) -> list[str]:
    """The first name of each kind."""
    first = {}
    for name in names:
        first.setdefault(kind_of(name), name)
    return list(first.values())


@functools.cache
def encodings_of_all_kinds() -> list[str]:
    """One encoding of each kind."""
    return representatives(encodings.names(), lambda name: kind(encodings.build(name)))


@functools.cache
def encodings_of_all_caches() -> list[str]:
    """One encoding of each kind of cache."""
    return representatives(encodings.names(), lambda name: kind_of_cache(encodings.build(name)))


@functools.cache
def configs_of_all_kinds() -> list[str]:
    """One config of each kind."""
    configs = _configs()
    return representatives(configs, lambda name: kind_of_config(configs[name]))


@functools.cache
def configs_of_all_trainings() -> list[str]:
    """One config of each kind of training."""
    configs = _configs()
    return representatives(configs, lambda name: kind_of_training(configs[name]))


@functools.cache
def tasks_of_all_kinds() -> list[str]:
    """One task of each kind."""
    return representatives(tasks.names(), lambda name: kind_of_task(tasks.TASKS.find(name)))


def _configs() -> dict[str, Any]:
    return {name: importlib.import_module(f'configs.{name}').get_config() for name in small_job.VARIANTS}
