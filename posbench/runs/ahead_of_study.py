"""`--experiment=... --mode=compile`: every distinct program of a study compiled before anybody pays for one.

Runs whose programs are the same are compiled once: those that differ only in which seeds they have (not in how many),
in the text that they read, where that is cut into as many kinds of tokens, and in numbers that change no shape, such as
a learning rate.
"""

import contextlib
import json
from typing import Any

from posbench import identity
from posbench.devices import topology
from posbench.files import naming
from posbench.knobs import user_file
from posbench.runs import ahead, console, study
from posbench.runs.plan import Planned

# What is the same program whatever it says.
IDLE = ('experiment', 'dataset', 'generate', 'debug_nans', 'distributed')
PACE = ('steps', 'evaluate_every', 'checkpoint_every', 'keep_checkpoints')

# Tokenizers with as many tokens as they are asked for, whatever the text.
SIZED = ('bpe', 'unigram', 'bytes')


def run(request) -> int:
    """Prints a line for each distinct program, and a summary; 1 where one does not fit, or does not compile.

    UsageError, one line, where the experiment or one of its runs is wrong, as without --mode.
    """
    if request.topology is not None:
        topology.check(request.topology)
    _, _, chosen = study.planned(request)
    machine = ahead.machine_of(request)
    print(f'{request.experiment} for {ahead.about(machine)}', flush=True)
    with naming(request.workdir):
        request.workdir.mkdir(parents=True, exist_ok=True)
    groups: dict[str, list[Planned]] = {}
    for one in chosen:
        groups.setdefault(key(one), []).append(one)
    found, bad, seconds = {}, [], 0.0
    for number, runs in enumerate(groups.values(), start=1):
        first, others = runs[0], [one.name for one in runs[1:]]
        tried, line = _compiled(first, machine)
        also = f' (and {len(others)} that differ in seeds, data or numbers)' if others else ''
        print(f'[{number}/{len(groups)}] {first.name}{also}: {line}', flush=True)
        if tried is None or not tried[-1].fits:
            bad.append(first.name)
        if tried is not None:
            seconds += sum(one.seconds for one in tried)
            item = ahead.as_json(first.config, tried) | dict(also=others)
        else:
            item = dict(fits=None, error=line, also=others)
        found[first.name] = item
        # After each: a whole study may take hours.
        ahead.keep(request.workdir / ahead.NAME, machine, found)
    programs = sum(len(mesh['programs']) for item in found.values() for mesh in item.get('tried', ()))
    print(
        f'{len(chosen)} runs, {len(groups)} distinct ones, {programs} programs compiled in {seconds:,.0f} s: '
        f'{len(groups) - len(bad)} fit {machine.name}.'
    )
    if bad:
        return console.fail(f'{len(bad)} of {len(groups)} do not fit {machine.name}: {", ".join(bad)}', 1)
    return 0


def key(one: Planned) -> str:
    """The same for runs whose programs are the same, as far as their configs say it; data is looked at in `_sizes`."""
    config = {name: value for name, value in json.loads(one.config.to_json()).items() if name not in IDLE}
    config['seeds'] = len(config['seeds'])
    config['train'] = {name: value for name, value in config['train'].items() if name not in PACE}
    if 'optimizer' in config:
        # A number is a constant of the program; without one there may be no such part.
        config['optimizer'] = {name: _kind(value) for name, value in config['optimizer'].items()}
    return identity.config_hash(config | dict(data=_sizes(one)))


def _kind(value: Any) -> Any:
    return type(value).__name__ if isinstance(value, int | float) and not isinstance(value, bool) else value


def _sizes(one: Planned) -> Any:
    """Of the data of a run what its model's shape depends on, as far as its config says it."""
    if one.config.dataset is None:
        return None
    data = {name: value for name, value in dict(one.config.dataset).items() if name != 'data_dir'}
    says_tokens = 'head' in one.config and one.config.head.name == 'tied'
    if says_tokens and data.get('tokenizer') in SIZED:
        return {name: data.get(name) for name in ('tokenizer', 'vocabulary')}
    # How many words and classes there are is only known when it was read.
    return data


def _compiled(one: Planned, machine: topology.Machine) -> tuple[list[ahead.Tried] | None, str]:
    """What was tried, and the line on it; None where the run is refused before anything is compiled."""
    own = user_file.modules(one.config.to_dict())
    try:
        with contextlib.chdir(user_file.ROOT):
            tried = ahead.fit(ahead.build(one.config, one.name, machine), one.config, machine, lambda line: None)
    except Exception as error:
        line = user_file.explain(error, own)
        if line is None:
            raise
        return None, line
    return tried, _line(tried, machine)


def _line(tried: list[ahead.Tried], machine: topology.Machine) -> str:
    from posbench.devices import memory

    last = tried[-1]
    if not last.fits:
        return ahead.lacking(tried)
    largest = max(last.costs, key=lambda name: last.costs[name].memory)
    steps = [cost for name, cost in last.costs.items() if name.startswith('training')]
    limit = '' if machine.limit is None else f' of {memory.show(machine.limit)}'
    times = '' if steps[0].seconds is None else f', about {ahead.number(steps[0].seconds, "s")} a step'
    return (
        f'fits as {ahead.mesh_of(last)}: {memory.show(last.costs[largest].memory)}{limit} a {machine.part}, in '
        f'{largest}; {ahead.number(steps[0].flops, "FLOP")} a {machine.part}{times}; {len(last.costs)} programs in '
        f'{last.seconds:.0f} s'
    )
