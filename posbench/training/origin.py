"""What the numbers of a run come from besides its machine: its config, its data, and the code. Imports no jax.

Every checkpoint says it. Going on with another config or other data would make one run of two, which nobody trained;
other code may give other bits.
"""

import functools
import hashlib
import json
from pathlib import Path
from typing import Any

from posbench import identity, manifest
from posbench.knobs.kinds import show

PACKAGE = Path(__file__).parents[1]
# No number of a run goes through these.
BESIDE = ('report', 'atlas')
# What decides no more of weights than their last bits: where they are computed.
PLACE = ('config.mesh.', 'config.parallel', 'config.distributed')
# What decides neither weights nor batches: how many steps there are to be, what is scored, said and looked for.
FREE = ('config.train.steps', 'config.evaluate.', 'config.generate.', 'config.debug_nans', *PLACE)


def of(config: dict[str, Any], dataset: Any, vectors: dict[str, Any] | None = None) -> dict[str, Any]:
    """The origin of a run, plain JSON: its resolved config, and digests of its data and code.

    `dataset` has a `fingerprint`, and perhaps a tokenizer; None: the task needs none. `vectors` is what is known of the
    file of word vectors, its `sha256` with it; None: there is none.
    """
    tokenizer = getattr(dataset, 'tokenizer', None)
    return dict(
        config=identity.portable(config),
        data=None if dataset is None else dataset.fingerprint,
        tokenizer=None if tokenizer is None else _digest(tokenizer.to_json().encode()),
        vectors=vectors,
        sources=_sources() | {name: _digest(Path(path).read_bytes()) for name, path in _modules(config).items()},
    )


def of_checkpoints(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The newest checkpoint below `folder` that says its origin, and that; files besides its manifest are not read."""
    for path in sorted(folder.glob(f'[0-9]*/{manifest.NAME}'), reverse=True):
        try:
            origin = manifest.read(path.parent)['notes'].get('origin')
        except (manifest.Damaged, KeyError):
            continue
        if origin is not None:
            return path.parent, origin
    return None


def refused(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """Differences that make two runs, each in a few words: of the config, of the data."""
    found = config_differences(there['config'], here['config'])
    for name in ('data', 'tokenizer'):
        if there[name] != here[name]:
            found.append(f'the {name} (SHA-256 {_short(there[name])} there and {_short(here[name])} here)')
    # Checkpoints that were written before there were such files say nothing of them.
    before, now = ((one.get('vectors') or {}).get('sha256') for one in (there, here))
    if before != now:
        found.append(f'the word vectors (SHA-256 {_short(before)} there and {_short(now)} here)')
    return found


def said(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """Differences that may make other bits: of the devices that the config asks for, and of the code."""
    plain = (flat(identity.portable(one['config'])) for one in (there, here))
    places = ({key: value for key, value in one.items() if key.startswith(PLACE)} for one in plain)
    # A checkpoint from before there was a knob says nothing of it.
    found = [line for line in different(*places).values() if 'not set' not in line]
    before, now = there['sources'], here['sources']
    changed = [name for name in sorted({**before, **now}) if before.get(name) != now.get(name)]
    found += [f'{name} {_happened(before, now, name)}' for name in changed[:3]]
    return [*found, f'and {len(changed) - 3} more files'] if len(changed) > 3 else found


def summary(origin: dict[str, Any]) -> dict[str, Any]:
    """The origin with one digest of all code, for a report."""
    return origin | dict(sources=_digest(json.dumps(origin['sources'], sort_keys=True).encode()))


def config_differences(there: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """Knobs of two resolved configs that differ, but for those that decide no weights."""
    there, here = (flat(identity.portable(config)) for config in (there, here))
    return [line for key, line in different(there, here).items() if not key.startswith(FREE)]


def different(there: dict[str, Any], here: dict[str, Any]) -> dict[str, str]:
    """What differs between two flat configs, by knob, in words."""
    return {
        key: f'{key} is {show(there[key], 40) if key in there else "not set"} there and '
        f'{show(here[key], 40) if key in here else "not set"} here'
        for key in [*here, *(key for key in there if key not in here)]
        if key not in there or key not in here or there[key] != here[key]
    }


def some(different: list[str]) -> str:
    """The first three."""
    more = f'; and {len(different) - 3} more' if len(different) > 3 else ''
    return '; '.join(different[:3]) + more


def flat(config: dict[str, Any], group: str = 'config') -> dict[str, Any]:
    """The knobs of a config by their whole paths."""
    found = {}
    for name, value in config.items():
        found |= flat(value, f'{group}.{name}') if isinstance(value, dict) else {f'{group}.{name}': value}
    return found


def _modules(config: dict[str, Any]) -> dict[str, str]:
    """Files of the user that a config names, by knob."""
    return {key: value for key, value in flat(config).items() if key.endswith('.module') and value is not None}


@functools.cache
def _sources() -> dict[str, str]:
    """Digests of the files of posbench, as they were when this process first asked."""
    paths = (path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob('*.py')))
    return {f'posbench/{path.as_posix()}': _digest((PACKAGE / path).read_bytes()) for path in paths
            if path.parts[0] not in BESIDE}  # fmt: skip


def _happened(before: dict, now: dict, name: str) -> str:
    return 'is new' if name not in before else 'is gone' if name not in now else 'changed'


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _short(digest: str | None) -> str:
    return 'none' if digest is None else digest[:16]
