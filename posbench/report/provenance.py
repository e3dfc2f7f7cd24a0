"""Where the numbers come from: what the run folders say about themselves."""

import json
from collections import Counter
from collections.abc import Iterable

from posbench.report import texts
from posbench.report.folder import Run, Study
from posbench.report.numbers import MISSING

SECTIONS = (
    'vectors', 'encoding', 'positions', 'task', 'input', 'model', 'head', 'train', 'optimizer', 'second_phase', 'init',
    'dataset', 'evaluate', 'dtype', 'parallel', 'mesh',
)  # fmt: skip

# Null is a group that a run had no use for; so is a group of these that says so.
UNUSED = {
    'second_phase': lambda item: item['encoding']['name'] is None,
    'init': lambda item: not (item['folder'] or item['freeze'] or item['freeze_at_first']),
}


def facts(study: Study) -> list[tuple[str, str]]:
    """(name, text) of what the rows of all runs agree on, or of every value where they do not."""
    rows = [row for run in study.runs for row in run.rows]

    def known(name: str) -> list:
        return list(dict.fromkeys(value for row in rows if (value := getattr(row, name)) is not None))

    def joined(values: Iterable) -> str:
        return ', '.join(str(value) for value in values) or MISSING

    # One program trains all seeds and phases of a folder: its seconds are in every row of it, and count once.
    folders = dict.fromkeys((run.where, row.wall_seconds) for run in study.runs for row in run.rows)
    seconds = [x for _, x in folders if x is not None]
    # Word vectors have neither lengths nor an encoding.
    of_models = any(run.words is None for run in study.runs)
    units = {run.task.length_unit for run in study.runs}
    agreed = dict(shared(study.runs, settings)[0])
    data = [pair for pair in shared(study.runs, fingerprint)[0] if pair[0].partition('.')[0] == 'data']
    found = [
        ('task', joined(known('task'))),
        ('split', joined(known('split'))),
        (
            'training length',
            f'{texts.integers(known("train_length"))} {units.pop() if len(units) == 1 else ""}'.strip() * of_models,
        ),
        ('seeds', texts.integers(known('seed'))),
        ('steps', texts.integers(known('step'))),
        ('parameters', texts.integers(known('params'))),
        ('of the encoding', texts.integers(known('encoding_params')) * of_models),
        ('dtype', agreed.get('dtype', '')),
        ('parallel', agreed.get('parallel', '')),
        *data,
        ('device', joined(known('device'))),
        ('wall time', _duration(sum(seconds)) if seconds else MISSING),
        ('posbench', joined(known('version'))),
        ('git', joined(known('git_sha'))),
        ('config hash', joined(known('config_hash')) if study.single else ''),
    ]
    return [(name, text) for name, text in found if text]


def settings(run: Run) -> list[tuple[str, str]]:
    """(knob, value) of the sections of config.json that make the comparison."""
    if run.config is None:
        return []
    found = [('seeds', json.dumps(run.config['seeds']))] if 'seeds' in run.config else []
    for section in SECTIONS:
        item = run.config.get(section)
        if item is not None and not (section in UNUSED and UNUSED[section](item)):
            found += _flat(section, item)
    return found


def fingerprint(run: Run) -> list[tuple[str, str]]:
    """(name, value) of what the run was trained on and of fingerprint.json, nested names joined by dots."""
    digests = {name: (run.trained or {}).get(name) for name in ('data', 'tokenizer', 'vectors', 'sources')}
    known = {name: digest for name, digest in digests.items() if digest is not None} | (run.fingerprint or {})
    return [pair for name, item in known.items() for pair in _flat(name, item)]


def histories(study: Study) -> list[str]:
    """A sentence for each time that a run went on as another one than it had been."""
    return [
        f'{run.name} was not trained as one run: {line}.'
        for run in study.runs
        for line in (run.trained or {}).get('history', [])
    ]


def shared(runs: list[Run], of) -> tuple[list[tuple[str, str]], dict[str, list[tuple[str, str]]]]:
    """What `of(run)` says alike for all runs that say anything, and the rest for each run by its name."""
    often = Counter(run.name for run in runs)
    pairs = {run.name if often[run.name] == 1 else f'{run.name}, {run.task.name}': of(run) for run in runs if of(run)}
    if not pairs:
        return [], {}
    common = set.intersection(*(set(found) for found in pairs.values()))
    first = next(iter(pairs.values()))
    rest = {name: [pair for pair in found if pair not in common] for name, found in pairs.items()}
    return [pair for pair in first if pair in common], {name: found for name, found in rest.items() if found}


def _flat(name: str, item) -> list[tuple[str, str]]:
    if isinstance(item, dict) and item:
        return [pair for key, inner in item.items() for pair in _flat(f'{name}.{key}', inner)]
    return [(name, item if isinstance(item, str) else json.dumps(item))]


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f'{seconds:.1f} s'
    if seconds < 7200:
        return f'{seconds / 60:.0f} min'
    return f'{seconds / 3600:.1f} h'
