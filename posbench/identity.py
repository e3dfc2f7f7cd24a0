"""Which run a config stands for: one hash for its rows, its folder and the manifest of its study. Imports no jax."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]


def portable(value: Any) -> Any:
    """A config, or a part of it, as another machine has it: what lies in this repository by its path as seen from it.

    So an experiment whose runs start from each other has the same ids wherever the repository is.
    """
    if isinstance(value, dict):
        return {key: portable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [portable(one) for one in value]
    inside = isinstance(value, str) and value.startswith(f'{ROOT}{os.sep}')
    return Path(value).relative_to(ROOT).as_posix() if inside else value


def deciding(config: dict[str, Any]) -> dict[str, Any]:
    """What of a resolved config decides about weights and rows.

    Left out are what text is asked for, whether a NaN is looked for, and what describes a second phase that there is
    not. Without lengths besides the multiples, a probe, or devices that share a sequence or parameters, a config is
    what it was before there were these knobs.
    """
    idle = {'generate', 'debug_nans'}
    phase = config.get('second_phase')
    if phase is not None and phase['encoding']['name'] is None:
        idle.add('second_phase')
    found = {key: portable(value) for key, value in config.items() if key not in idle}
    if evaluate := found.get('evaluate'):
        later = {'lengths', 'probe'}
        found['evaluate'] = {key: value for key, value in evaluate.items() if value or key not in later}
    if mesh := found.get('mesh'):
        unused = dict(sequence=1, shard_parameters=False)
        found['mesh'] = {key: value for key, value in mesh.items() if key not in unused or unused[key] != value}
    return found


def config_hash(config: dict[str, Any]) -> str:
    """16 hex digits of a resolved config, nested dicts; tuples count as the lists that config.json makes of them."""
    return hashlib.sha256(json.dumps(deciding(config), sort_keys=True).encode()).hexdigest()[:16]


def is_of(config: dict[str, Any], of: str | None) -> bool:
    """Whether this is the hash of a config that was read from a file, which may be that of anything."""
    try:
        return config_hash(config) == of
    except (AttributeError, KeyError, TypeError):
        return False
