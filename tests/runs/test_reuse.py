"""Runs that differ in evaluation alone: which these are, and that their rows are those of one trained on its own."""

import json
import os
import types

from posbench.knobs import schema
from posbench.runs import plan, reuse
from posbench.runs import rows as results
from posbench.training import loop
from posbench.training.progress import Progress
from tests import small_job


def planned(name: str, folder, **changes) -> plan.Planned:
    changes = {path.replace('__', '.'): value for path, value in changes.items()}
    return plan.Planned(name, folder / name, [], schema.load(f'configs/{name}.py', changes))


def finished(folder, job) -> list[dict]:
    """The rows of a run that was trained here, or of one whose weights lie here."""
    folder.mkdir(exist_ok=True)
    trained = loop.run(job, folder, 'auto', Progress(quiet=True))
    results.score(job, trained, folder, Progress(quiet=True), 'a_study')
    rows = [json.loads(line) for line in (folder / 'rows.jsonl').read_text().splitlines()]
    return [{key: value for key, value in row.items() if key != 'wall_seconds'} for row in rows]


def test_rows_of_borrowed_weights_are_those_of_a_run_of_its_own(tmp_path):
    scored_otherwise = dict(evaluate__multiples=(1,), evaluate__lengths=(20,))
    one, other = small_job.build('rope'), small_job.build('rope', **scored_otherwise)
    finished(tmp_path / 'one', one)
    alone = finished(tmp_path / 'alone', other)
    # Found where it was left by a kill: half of a checkpoint.
    (tmp_path / 'borrowed' / 'checkpoints' / f'partial-{small_job.STEPS:08d}').mkdir(parents=True)
    steps = types.SimpleNamespace(config=schema.load('configs/rope.py'))
    reuse.take(*(types.SimpleNamespace(folder=tmp_path / name, **vars(steps)) for name in ('one', 'borrowed')))
    assert (tmp_path / 'borrowed' / 'metrics.jsonl').read_bytes() == (tmp_path / 'one' / 'metrics.jsonl').read_bytes()
    assert finished(tmp_path / 'borrowed', other) == alone
    assert {row['length'] for row in alone if '/' in row['metric']} >= {16, 17, 20}


def test_weights_are_the_same_where_only_evaluation_differs(tmp_path):
    rope = reuse.key(planned('rope', tmp_path))
    assert reuse.key(planned('rope', tmp_path, evaluate__lengths='300', evaluate__tokens='99')) == rope
    others = [
        planned('alibi', tmp_path),
        planned('rope', tmp_path, seeds='1'),
        planned('rope', tmp_path, task__stride='3'),
    ]
    assert rope not in map(reuse.key, others)


def test_logs_are_copied_and_checkpoints_have_their_files_in_common(tmp_path):
    source, target = (
        types.SimpleNamespace(folder=tmp_path / name, config=planned('rope', tmp_path).config) for name in 'ab'
    )
    (source.folder / 'checkpoints' / '00000020').mkdir(parents=True)
    for name in ('metrics.jsonl', 'timing.jsonl', 'checkpoints/00000020/x'):
        (source.folder / name).write_text(name)
    (target.folder).mkdir()
    reuse.take(source, target)
    reuse.take(source, target)
    same = {name: os.path.samefile(source.folder / name, target.folder / name)
            for name in ('metrics.jsonl', 'timing.jsonl', 'checkpoints/00000020/x')}  # fmt: skip
    assert same == {'metrics.jsonl': False, 'timing.jsonl': False, 'checkpoints/00000020/x': True}
