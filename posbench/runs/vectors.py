"""A run of word vectors as run.py sees it, as models.py is one of a model.

It ends with the vectors of every seed as files, what a page shows of those of the first one (words.json), and rows:
`held_out/loss` on validation and test text, and of every set of word pairs or analogies what it measures, `unknown`
beside it, the share of the words of the set that have no vector.
"""

import hashlib
import json
import math
import pathlib
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from posbench import files, manifest
from posbench.datasets import DatasetError
from posbench.devices import parallel
from posbench.devices.programs import Program
from posbench.files import write_atomically
from posbench.knobs.kinds import nearest
from posbench.runs import rows
from posbench.training import programs, room
from posbench.training.loop import Trained
from posbench.training.progress import Progress
from posbench.word_vectors import job, similarity, summary
from posbench.word_vectors.job import Job
from posbench.word_vectors.vectors import WordVectors

# The knobs that ask for less memory.
SMALLER = 'config.vectors.width'
# What a page shows, beside the rows.
WORDS = 'words.json'
# The main one first: it is what `posbench.word_vectors.load` takes of a run's folder.
SUFFIXES = ('.safetensors', '.txt')
# What rows are about, as task.json has it. All runs on a text mean the same by it, whatever they were scored on.
METRICS = dict(
    spearman=dict(unit='of cosines with the ratings of people', better='higher', decides=True),
    accuracy=dict(unit='of answers', better='higher', share=True),
    unknown=dict(unit='of the words of a set', better='lower', share=True),
    loss=dict(unit='by its own objective', better='lower'),
)
PAIRS, QUESTIONS = 'pairs of words that both have vectors', 'questions whose words all have vectors'
PROTOCOLS = dict(
    wordsim353=dict(label='WordSim-353', scores=PAIRS),
    simlex999=dict(label='SimLex-999', scores=PAIRS),
    analogies=dict(label='Google analogies', scores=QUESTIONS),
    analogies_semantic=dict(label='analogies, semantic', scores=f'{QUESTIONS}, of meanings'),
    analogies_syntactic=dict(label='analogies, syntactic', scores=f'{QUESTIONS}, of forms'),
    held_out=dict(label='held-out text', scores='the words of text that was not trained on'),
)


def build(config, name: str, mode: str, devices: Sequence | None = None) -> Job:
    """The job of a config, checked. ValueError, one line, for what cannot be run.

    `devices` may be those of a machine that is not there.
    """
    for one in config.evaluate.sets:
        if one not in similarity.SETS:
            near = nearest(one, similarity.SETS)
            hint = f'; did you mean {near!r}?' if near else ''
            raise ValueError(f'config.evaluate.sets: got {one!r}, wanted some of {", ".join(similarity.SETS)}{hint}')
    made = job.from_config(config, name, devices)
    made.check()
    return made


def all_programs(one: Job) -> list[Program]:
    """All that is compiled for a run; what it is scored on is not known before."""
    return programs.training(one)


def rows_of_a_step(one: Job) -> int:
    """Of one seed, which the data axis splits."""
    return one.trainer.rows(one.prepared)


def check_room(one: Job, trains: bool) -> str:
    """A line on the memory that training needs, '' where no step is left. room.NoRoom, one line, where there is less.

    What is scored is on the host.
    """
    if not trains:
        return ''
    less = 'a smaller config.vectors.width'
    return room.check(programs.training(one), [], one.layout.mesh.devices.ravel(), train_less=less, evaluate_less=less)


def about(one: Job) -> list[str]:
    """What is said before the first step."""
    corpus = one.text.corpus
    kept = len(corpus.tokens['train']) / max(corpus.read['train'], 1)
    return [
        f'Text: {corpus.read["train"]:,} words to train on, {kept:.1%} of them among the {len(corpus.words):,} of the '
        f'vocabulary; {one.schedule.steps:,} steps.'
    ]


def show_parameters(one: Job) -> None:
    """Prints every table of one seed with its shape, and what the state takes."""
    import jax

    table = Table('table', 'shape', 'numbers', title=f'{one.name}: {one.trainer_name}')
    table.columns[2].justify = 'right'
    shapes = one.table_shapes()
    for name, shape in shapes.items():
        table.add_row(name, str(shape), f'{math.prod(shape):,}')
    console = Console()
    console.print(table)
    state = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(one.abstract_state))
    console.print(
        f'{sum(map(math.prod, shapes.values())):,} parameters; {len(one.seeds)} seed(s). State: '
        f'{state / 2**20:,.1f} MiB. {one.schedule.steps:,} steps of about {one.units_per_step:,.0f} {one.unit}.'
    )


def score(one: Job, trained: Trained, folder: pathlib.Path, bar: Progress, config) -> None:
    """Writes the vectors and all results; the rows come last: a folder with rows is done."""
    bar.start(2 + len(one.seeds), 0, 'evaluating')
    losses = {split: one.held_out(trained.params, split) for split in ('validation', 'test')}
    results = one.results(trained.params)
    if not parallel.is_first():
        return
    found = [WordVectors(list(result.words), result.vectors_VD, result.ngrams) for result in results]
    bar.update(1)
    written = [line for seed, vectors in zip(one.seeds, found) for line in _write(one, seed, vectors, folder)]
    collected = _Scores(one, found, bar, config.dataset.data_dir)
    earlier = [row for row in rows.read(folder) if (row['run'], row['step']) == (one.name, trained.step)]
    # Scores of sets that are not asked for now stay, as their rows do.
    known = earlier and (folder / WORDS).exists() and not manifest.damage(folder, [WORDS])
    before = json.loads((folder / WORDS).read_text('utf-8'))['scores'] if known else []
    common = rows.common(one, trained, folder, config.experiment)
    common |= dict(params=sum(map(math.prod, one.table_shapes().values())))
    held_out = [
        dict(seed=seed, split=split, metric='held_out/loss', value=float(value), examples=_words(one, split))
        for split, values in losses.items()
        for seed, value in zip(one.seeds, values)
    ]
    made = [rows.in_order(common | row) for row in [*held_out, *collected.rows]]
    made += rows.kept(earlier, made)
    page = _page(one, found[0], before, written, collected)
    write_atomically(folder / WORDS, json.dumps(page, indent=1) + '\n')
    task = dict(task=one.task_name, metrics=METRICS, protocols=PROTOCOLS)
    names = [WORDS, *(line['name'] for line in written), *rows.WRITTEN]
    rows.publish(one, trained, folder, made, task, names)


def name_of(seeds: tuple[int, ...], seed: int) -> str:
    """What the files of a seed are called, without their suffix: those of the first or only one plainly `vectors`."""
    return 'vectors' if seed == seeds[0] else f'vectors-seed_{seed}'


class _Scores:
    """What the sets give for every seed: rows, and with their intervals for a page; or why they give nothing."""

    def __init__(self, one: Job, found: list[WordVectors], bar: Progress, data_dir: str | None):
        self.rows, self.scores, self.missing = [], [], []
        for place, (seed, vectors) in enumerate(zip(one.seeds, found), start=2):
            bar.update(place)
            try:
                results = similarity.evaluate(vectors, one.plan.sets, data_dir=data_dir) if one.plan.sets else []
            except DatasetError as error:
                labels = ' and '.join(PROTOCOLS[name]['label'] for name in one.plan.sets)
                self.missing = [dict(sets=list(one.plan.sets), label=labels, why=str(error))]
                bar.note(f'Not scored: {labels}. {error}')
                return
            for result in results:
                self._add(seed, result)

    def _add(self, seed: int, result: similarity.Result) -> None:
        name = result.set if result.part == 'all' else f'{result.set}_{result.part}'
        if name not in PROTOCOLS:
            # A section of the analogies, of fourteen.
            return
        value, low, high = (x if math.isfinite(x) else None for x in (result.value, result.low, result.high))
        cell = dict(seed=seed, split='test')
        self.rows += [
            dict(cell, metric=f'{name}/{result.metric}', value=value, examples=result.used, chance=0.0),
            dict(cell, metric=f'{name}/unknown', value=result.unknown, examples=result.total),
        ]
        self.scores.append(dict(set=name, seed=seed, value=value, low=low, high=high))


def _write(one: Job, seed: int, vectors: WordVectors, folder: pathlib.Path) -> list[dict[str, Any]]:
    """Writes the files of a seed; name, size and SHA-256 of each."""
    lines = []
    for suffix in SUFFIXES:
        path = folder / f'{name_of(one.seeds, seed)}{suffix}'
        with files.naming(path):
            vectors.save(path)
            with path.open('rb') as file:
                digest = hashlib.file_digest(file, 'sha256').hexdigest()
        lines.append(dict(name=path.name, seed=seed, size=path.stat().st_size, sha256=digest))
    return lines


def _page(
    one: Job, vectors: WordVectors, before: list[dict], written: list[dict], collected: _Scores
) -> dict[str, Any]:
    """What a report shows beside the rows, of the first seed's vectors; `before` are scores that were there."""
    counts_V, shown = one.text.corpus.counts_V, min(one.plan.map_words, len(vectors))
    points, shares = summary.plane(vectors.vectors_VD[:shown])
    asked = {line['set'] for line in collected.scores}
    return dict(
        trainer=one.trainer_name,
        objective=one.trainer.loss_unit,
        unit=one.unit,
        words=len(vectors),
        width=vectors.vectors_VD.shape[1],
        text=dict(name=one.text.name, read=one.text.corpus.read['train'], kept=len(one.text.corpus.tokens['train'])),
        seed=one.seeds[0],
        neighbours=summary.neighbours(vectors, counts_V, one.plan.neighbours),
        map=dict(
            words=list(vectors.words[:shown]),
            points=[[round(float(x), 4) for x in point] for point in points],
            shares=[round(share, 4) for share in shares],
        ),
        scores=[*collected.scores, *(line for line in before if line['set'] not in asked)],
        missing=collected.missing,
        files=written,
    )


def _words(one: Job, split: str) -> int:
    return len(one.text.corpus.tokens[split])
