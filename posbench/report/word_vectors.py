"""What a page says of word vectors, from their rows and words.json.

{"trainer": "skipgram", "objective": "nats per pair", "unit": "words" (that timing.jsonl counts a second),
 "words": 5168, "width": 100, "text": {"name": "austen", "read": 480123 (words of train), "kept": 451002},
 "seed": 0,                                     whose vectors these are:
 "neighbours": [{"word": "mother", "rank": 101, "count": 512, "near": [["sister", 0.71], ...]}, ...],
 "map": {"words": [...], "points": [[x, y], ...], "shares": [0.12, 0.08] (of the variance)},
 "scores": [{"set": "wordsim353", "seed": 0, "value": 0.31, "low": 0.21, "high": 0.41}, ...],
 "missing": [{"sets": ["simlex999"], "label": "SimLex-999", "why": "..."}],
 "files": [{"name": "vectors.txt", "seed": 0, "size": 5123456, "sha256": "..."}, ...]}
"""

from collections.abc import Iterator
from typing import Any

from posbench.report import texts
from posbench.report.boards import Board
from posbench.report.folder import Run
from posbench.report.numbers import MISSING, number
from posbench.report.rows import Row
from posbench.report.tables import Cell, Column, Table, name, plus_minus
from posbench.report.task import Metric, named

HELD_OUT, LOSS, UNKNOWN = 'held_out', 'loss', 'unknown'


def runs_of(board: Board, runs: list[Run]) -> list[Run]:
    """The runs of a board, in its order, that are of word vectors."""
    by_name = {run.name: run for run in runs if run.task.name == board.task.name}
    return [by_name[each] for each in board.runs if by_name[each].words is not None]


def headline(board: Board, runs: list[Run]) -> tuple[str, str]:
    """The result in a sentence, and what it must be read with."""
    found, said = [], None
    for row, metric, label in _measured(board):
        if any(row.startswith(f'{other}_') for other in board.task.protocols):
            # A part of another set.
            continue
        value = _value(board, runs[0].name, row)
        # What is the same as before is not said again.
        found.append(f'{value if metric == said else f"{_measure(metric)} {value}"} on {label}')
        said = metric
    if len(runs) > 1:
        lead = f'{texts.count(len(runs), "run")} of word vectors'
        return (f'{lead}; {runs[0].name} is first, with {", ".join(found)}.' if found else f'{lead}.'), ''
    run = runs[0]
    of = run.words
    size = f'{of["words"]:,} vectors of {of["width"]} numbers'
    lead = f'{run.name}: {", ".join(found)}.' if found else f'{run.name}: {size}.'
    speed = f', {run.rate:,.0f} {of["unit"]} a second' if run.rate else ''
    rest = [f'{texts.upper(size)}, from {of["text"]["read"]:,} words of {of["text"]["name"]}{speed}.']
    losses = {split: board.cells.get((run.name, split, f'{HELD_OUT}/{LOSS}', None)) for split in ('validation', 'test')}
    known = [f'{number(sum(row.value for row in rows) / len(rows))} on {split} text'
             for split, rows in losses.items() if rows]  # fmt: skip
    if known:
        rest.append(f'{texts.upper(named("loss", of["objective"]))}: {", ".join(known)}.')
    rest += [f'Not scored: {line["label"]}. {line["why"].rstrip(".")}.' for line in of['missing']]
    return lead, ' '.join(rest)


def tables(board: Board, runs: list[Run]) -> list[Table]:
    """Scores of all runs; of a single one neighbours and files too."""
    found = scores(board, runs)
    return found if len(runs) > 1 else [*found, _neighbours(runs[0].words), _files(runs[0].words)]


def scores(board: Board, runs: list[Run]) -> list[Table]:
    """What the vectors of all runs have been measured on; none where a single one was measured on nothing."""
    return [_scores_of_runs(board, runs)] if len(runs) > 1 else _scores(board, runs[0])


def _measured(board: Board) -> Iterator[tuple[str, Metric, str]]:
    """(name in rows, metric, label of the set) of what was measured on a set of words."""
    names = {metric for _, _, metric, _ in board.cells}
    for protocol, known in board.task.protocols.items():
        for metric in board.task.metrics.values():
            row = board.task.row(protocol, metric)
            if row in names and protocol != HELD_OUT and metric.name not in (LOSS, UNKNOWN):
                yield row, metric, known.label


def _measure(metric: Metric) -> str:
    """What a table calls it."""
    return {'spearman': 'Spearman correlation'}.get(metric.name, metric.words)


def _value(board: Board, run: str, row: str) -> str:
    summary = board.summary(run, row, None)
    return number(summary and summary.mean)


def _scores(board: Board, run: Run) -> list[Table]:
    """Of one run: a line for each set and seed."""
    rows = []
    several = len(board.seeds(run.name)) > 1
    for metric_row, metric, label in _measured(board):
        chosen = metric_row.partition('/')[0]
        unknown = {row.seed: row for row in board.cell(run.name, f'{chosen}/{UNKNOWN}', None)}
        for row in board.cell(run.name, metric_row, None):
            line = next((x for x in run.words['scores'] if (x['set'], x['seed']) == (chosen, row.seed)), {})
            ends = [line.get(end) for end in ('low', 'high')]
            interval = MISSING if None in ends else f'[{number(ends[0])}, {number(ends[1])}]'
            without = unknown.get(row.seed)
            rows.append(
                [
                    Cell(label, f'{_measure(metric)}{f", seed {row.seed}" if several else ""}', word=True),
                    Cell(number(row.value), sort=row.value),
                    Cell(interval),
                    _used(row, without),
                    Cell(MISSING if without is None else f'{without.value:.1%}', sort=without and without.value),
                ]
            )
    if not rows:
        return []
    columns = [Column('set'), Column('value'), Column('95 % interval'), Column('scored')]
    note = (
        'Interval: bootstrap over what was scored, of these vectors. Scored: pairs or questions whose words all have '
        'vectors. Unknown: the share of the words of the set that have none.'
    )
    return [Table('Similarity', note, [*columns, Column('unknown')], rows)]


def _used(row: Row, without: Row | None) -> Cell:
    """How many pairs or questions were scored, and of how many."""
    if row.examples is None:
        return Cell(MISSING)
    total = '' if without is None or without.examples is None else f'of {without.examples:,}'
    return Cell(f'{row.examples:,}', total, row.examples)


def _scores_of_runs(board: Board, runs: list[Run]) -> Table:
    """Of several runs: a line for each."""
    measured = list(_measured(board))
    losses = [Column(split, LOSS, 'own objective') for split in ('validation', 'test')]
    columns = [Column('run'), *(Column(label, _measure(metric)) for _, metric, label in measured), *losses]
    rows = []
    for run in runs:
        cells = [board.summary(run.name, row, None) for row, _, _ in measured]
        shown = [plus_minus(found) for found in cells]
        for split in ('validation', 'test'):
            values = [row.value for row in board.cells.get((run.name, split, f'{HELD_OUT}/{LOSS}', None), [])]
            mean = sum(values) / len(values) if values else None
            shown.append(Cell(number(mean), exact=mean))
        objective = run.words['objective']
        rows.append([Cell(run.name, objective, word=True), *shown, _rate(run)])
    note = 'Mean over seeds. Losses of different objectives say nothing about one another.'
    return Table('Word vectors', note, [*columns, Column('speed')], rows)


def _rate(run: Run) -> Cell:
    return Cell(MISSING) if run.rate is None else Cell(f'{run.rate:,.0f}', f'{run.words["unit"]}/s', run.rate)


def _neighbours(of: dict[str, Any]) -> Table:
    rows = [
        [
            Cell(line['word'], f'{line["count"]:,} times', line['rank'], word=True),
            # A word and its number stay together.
            name(', '.join(f'{word}\u00a0{number(cosine, 2)}' for word, cosine in line['near'])),
        ]
        for line in of['neighbours']
    ]
    ranks = [line['rank'] for line in of['neighbours']]
    note = (
        f'By cosine, of seed {of["seed"]}. The words are number {min(ranks):,} to number {max(ranks):,} by frequency, '
        'at equal steps of a logarithmic scale: nobody has chosen them.'
        if ranks
        else ''
    )
    return Table('Nearest neighbours', note, [Column('word'), Column('nearest words', 'with their cosine')], rows)


def _files(of: dict[str, Any]) -> Table:
    rows = [
        [
            name(line['name']),
            Cell(f'{line["seed"]}', sort=line['seed']),
            Cell(_size(line['size']), sort=line['size']),
            name(line['sha256']),
        ]
        for line in of['files']
    ]
    note = (
        'posbench.word_vectors.load reads each of them, and of the folder itself vectors.safetensors; the .txt is '
        'word2vec text, which gensim reads too.'
    )
    return Table('Files', note, [Column('file'), Column('seed'), Column('size'), Column('SHA-256')], rows)


def _size(count: int) -> str:
    for unit, size in (('GB', 1e9), ('MB', 1e6), ('kB', 1e3)):
        if count >= size:
            return f'{count / size:.1f} {unit}'
    return f'{count} B'
