"""`--mode=compile`: the programs of a run compiled before anybody pays for one, for a machine that need not be there.

Every program is compiled for the first mesh of devices/meshes.py that has room for all of them; of one that has not it
is said what is lacking. Nothing runs. `compile.json` in the folder of the run keeps it all, by topology.
"""

import dataclasses
import json
import pathlib
import time
from collections.abc import Callable
from importlib import metadata
from typing import Any

from posbench import identity
from posbench.devices import host, topology
from posbench.files import naming, write_atomically
from posbench.knobs import forms, user_file
from posbench.runs import console

NAME = 'compile.json'


@dataclasses.dataclass(frozen=True)
class Tried:
    """One mesh: what each program takes there, up to the first that has no room; `error`: one that does not compile."""

    mesh: dict[str, int | bool]  # as config.mesh asks for it
    costs: dict[str, Any]  # devices.programs.Cost, by the name of the program
    fits: bool
    seconds: float  # that compiling took
    error: str | None = None


def run(request) -> int:
    """Compiles what one run takes; 0 where a mesh has room for it, else 1. UsageError, one line, as a run raises it."""
    machine = machine_of(request)
    name, own = request.config_name, user_file.modules(request.config.to_dict())
    try:
        one = build(request.config, name, machine)
        print(f'{name} for {about(machine)}', flush=True)
        tried = fit(one, request.config, machine, lambda line: print(line, flush=True))
    except Exception as error:
        line = user_file.explain(error, own)
        if line is None:
            raise
        return console.fail(line, 2)
    with naming(request.workdir):
        request.workdir.mkdir(parents=True, exist_ok=True)
    keep(request.workdir / NAME, machine, {name: as_json(request.config, tried)})
    if not tried[-1].fits:
        return console.fail(f'{name}: {lacking(tried)}', 1)
    print(f'{name} fits as {mesh_of(tried[-1])}{_flags(tried)}.')
    return 0


def machine_of(request) -> topology.Machine:
    """What is asked for: a topology, else what is here. Before jax is imported."""
    host.prepare(request.devices)
    if request.topology is None:
        return topology.here()
    return topology.named(request.topology)


def about(machine: topology.Machine) -> str:
    """'v5e:16x16: 256 x TPU v5 lite, 15.8 GiB each'"""
    from posbench.devices import memory

    limit = '' if machine.limit is None else f', {memory.show(machine.limit)} each'
    return f'{machine.name}: {len(machine.devices)} x {machine.devices[0].device_kind}{limit}'


def kind_of(config):
    """The module that knows what a config trains."""
    if forms.of(config) is forms.WORD_VECTORS:
        from posbench.runs import vectors as kind
    else:
        from posbench.runs import models as kind
    return kind


def build(config, name: str, machine: topology.Machine):
    """The job of a config on a machine."""
    return kind_of(config).build(config, name, 'compile', machine.devices)


def fit(one, config, machine: topology.Machine, say: Callable[[str], None]) -> list[Tried]:
    """Meshes in their order, up to the first one with room for every program; `say` takes a line for each."""
    import jax

    from posbench.devices import meshes, programs
    from posbench.training import programs as in_one

    kind, tried = kind_of(config), []
    for layout in meshes.candidates(
        dict(config.mesh),
        one.abstract_state,
        mode=config.parallel,
        seeds=len(one.seeds),
        batch_size=kind.rows_of_a_step(one),
        devices=machine.devices,
    ):
        mesh, count = meshes.axes(layout), layout.mesh.size
        idle = '' if count == len(machine.devices) else f', of {len(machine.devices)} devices'
        say(f'{meshes.show(mesh)}{idle}')
        begun, costs, fits, error = time.perf_counter(), {}, True, None
        used = machine.using(layout.mesh.devices.ravel())
        for program in kind.all_programs(in_one.on(one, layout)):
            try:
                cost = costs[program.name] = programs.cost(program, used, count)
            except jax.errors.JaxRuntimeError as raised:
                fits, error = False, f'{program.name}: {" ".join(str(raised).partition(chr(10))[0].split())}'
                say(f'  {error}')
                break
            say(f'  {program.name}: {show(cost, used)}')
            fits = cost.fits(used)
            if not fits:
                break
        tried.append(Tried(mesh, costs, fits, time.perf_counter() - begun, error))
        if fits or error:
            break
    return tried


def show(cost, machine: topology.Machine) -> str:
    """What a program takes, in one line."""
    from posbench.devices import memory, programs

    said = [programs.show(cost, machine)]
    said += [f'{one.count} x {kind} of {memory.show(one.bytes)}' for kind, one in cost.collectives.items()]
    said.append(f'{number(cost.flops, "FLOP")} a {machine.part}')
    if cost.seconds is not None:
        share = '' if not cost.exchange else f', {number(cost.exchange, "s")} of it exchange'
        said.append(f'about {number(cost.seconds, "s")} by {cost.by}{share}')
    return '; '.join(said)


def number(value: float, unit: str) -> str:
    """'1.24 ms', '310 GFLOP': three digits."""
    for prefix, size in (('P', 1e15), ('T', 1e12), ('G', 1e9), ('M', 1e6), ('k', 1e3), ('', 1.0), ('m', 1e-3)):
        if abs(value) >= size:
            return f'{value / size:.3g} {prefix}{unit}'
    return f'{value / 1e-6:.3g} µ{unit}'


def lacking(tried: list[Tried]) -> str:
    """Why no mesh has room, in a line."""
    last = tried[-1]
    if last.error:
        return f'does not compile: {last.error}'
    shown = '; '.join(f'{mesh_of(one)}: {_short(one)}' for one in tried)
    return f'fits no mesh that was tried: {shown}'


def _short(one: Tried) -> str:
    from posbench.devices import memory

    name, cost = list(one.costs.items())[-1]
    return f'{name} asks for {memory.show(cost.memory)}' if cost.memory else f'{name}: {cost.refusal}'


def mesh_of(one: Tried) -> str:
    """Its mesh in words."""
    from posbench.devices import meshes

    return meshes.show(one.mesh)


def _flags(tried: list[Tried]) -> str:
    """What a command needs for the last mesh, where a run would not take it by itself."""
    if len(tried) == 1:
        return ''
    wanted = {name: str(size).lower() for name, size in tried[-1].mesh.items() if name in ('model', 'shard_parameters')}
    return f': {" ".join(f"--config.mesh.{name}={value}" for name, value in wanted.items())}'


def as_json(config, tried: list[Tried]) -> dict[str, Any]:
    """Plain JSON of a run."""
    fitting = [one.mesh for one in tried if one.fits]
    plain = json.loads(config.to_json())
    return dict(
        config_hash=identity.config_hash(plain),
        fits=fitting[0] if fitting else None,
        tried=[
            dict(mesh=one.mesh, fits=one.fits, compile_seconds=round(one.seconds, 1), error=one.error,
                 programs={name: _plain(cost) for name, cost in one.costs.items()})
            for one in tried
        ],
    )  # fmt: skip


def _plain(cost) -> dict[str, Any]:
    item = dataclasses.asdict(cost)
    return item | dict(collectives={kind: found._asdict() for kind, found in cost.collectives.items()})


def keep(file: pathlib.Path, machine: topology.Machine, runs: dict[str, Any]) -> None:
    """Writes what was found for a machine; what the file says of others stays."""
    try:
        known = json.loads(file.read_text('utf-8'))
        known = known if isinstance(known, dict) else {}
    except (OSError, ValueError):
        known = {}
    packages = [name for name in ('jax', 'libtpu') if name == 'jax' or not machine.is_here]
    known[machine.name] = dict(
        devices=len(machine.devices),
        kind=machine.devices[0].device_kind,
        limit=machine.limit,
        compilers={name: metadata.version(name) for name in packages},
        runs=runs,
    )
    write_atomically(file, json.dumps(known, indent=1) + '\n')
