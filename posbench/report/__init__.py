"""Rows on disk to tables, figures and one page. A report is a function of the files: the same files, the same bytes.

from posbench import report
report.build('runs/rope')                        # one run
report.build('runs/study', readme='README.md')   # every run below a folder, and the table of a README
report.build('runs')                             # several studies: each its own page, and a leaderboard of all
"""

import dataclasses
import sys
from pathlib import Path

from posbench.files import write_atomically
from posbench.report import boards as boards_lib
from posbench.report import folder as folder_lib
from posbench.report.folder import Study
from posbench.report.rows import ReportError

__all__ = ['Report', 'ReportError', 'build']


@dataclasses.dataclass(frozen=True)
class Report:
    """What was made: the result in a sentence, the files that were written, and what may be wrong with them, a line
    for each run whose files are not what it wrote. `tables` are those of each table, as CSV, LaTeX and Markdown.
    """

    folder: Path
    headline: str
    html: Path
    markdown: Path
    figures: list[Path]
    tables: list[Path]
    changed: list[str]


def build(folder: str | Path, *, terminal: bool = True, readme: str | Path | None = None) -> Report:
    """Writes report.md, report.html, the figures and tables/ into a run folder or a study folder.

    Of a study of encodings on several tasks there is a leaderboard too: leaderboard.html, leaderboard.md and
    leaderboard/. Of a folder with several studies below it each gets its own report, and the folder the leaderboard of
    all of them.

    Args:
        folder: has a rows.jsonl (one run), or folders with one at any depth (a study), or studies.
        terminal: also print the length table, or the leaderboard.
        readme: a file whose text between `<!-- report:begin -->` and `<!-- report:end -->` becomes the table.

    Raises:
        ReportError: in one line, for a folder without rows, a damaged file, or a README without its markers; and for
            a README where a file is not what the run wrote.
        OSError: a file cannot be written; it names the file.
    """
    from posbench.report import leaderboard
    from posbench.report import readme as readme_lib
    from posbench.report.leaderboard import studies

    folder = Path(folder)
    if readme is not None:
        readme_lib.split(Path(readme))
    places = studies.find(folder) if folder.is_dir() else [folder]
    if places == [folder]:
        return _of_study(folder, terminal=terminal, readme=readme)
    found = studies.read(places)
    changed = [line for study in found if study.runs for line in study.runs.changed]
    if readme is not None and changed:
        raise ReportError(f'{changed[0]} Nothing was written to {readme}.')
    for study in found:
        if study.runs is not None:
            _of_study(study.folder, terminal=False)
    board = leaderboard.build(folder, found)
    if board is None:
        raise ReportError(f'{folder}: {len(found)} studies, and none with rows of a task that is scored by length.')
    if readme is not None:
        readme_lib.replace(Path(readme), board.block(Path(readme)))
    if terminal:
        board.show()
    return Report(folder, board.headline, board.html, board.markdown, board.figures, board.tables, changed)


def _of_study(folder: Path, *, terminal: bool, readme: str | Path | None = None) -> Report:
    """The report of one run or study, and where it has several tasks its leaderboard."""
    from posbench.report import leaderboard, page, table_files
    from posbench.report import readme as readme_lib
    from posbench.report.leaderboard import studies

    study = folder_lib.read(folder)
    if not study.runs:
        raise ReportError(f'{folder}: only baselines; looked for rows of a trained run in rows.jsonl, here and below.')
    if readme is not None and study.changed:
        raise ReportError(f'{study.changed[0]} Nothing was written to {readme}.')
    found = boards_lib.boards(study)
    drawn = _draw(study, found)
    item = page.content(study, found, drawn)
    tables = table_files.write(folder, item.tables)
    write_atomically(folder / 'report.html', page.to_html(item))
    write_atomically(folder / 'report.md', page.to_markdown(item))
    figures = [picture.path for pictures in drawn.values() for picture in pictures]
    several = len({run.task.name for run in study.runs}) > 1
    board = leaderboard.build(folder, [studies.of(study)]) if several else None
    if readme is not None and board is not None:
        readme_lib.replace(Path(readme), board.block(Path(readme)))
    elif readme is not None:
        readme = Path(readme)
        lengths = {heading: picture.path for heading, pictures in drawn.items()
                   for picture in pictures if picture.path.stem.startswith('lengths')}  # fmt: skip
        readme_lib.replace(readme, readme_lib.block(study, found, lengths, readme))
        for line in readme_lib.left_out(study, lengths, readme):
            print(line, file=sys.stderr)
    if terminal:
        from posbench.report import terminal as terminal_lib

        terminal_lib.show(study, found, [str(folder / 'report.html')])
        if board is not None:
            board.show()
    headline = ' '.join(sentence for section in item.sections for sentence in section.headline if sentence)
    return Report(folder, headline, folder / 'report.html', folder / 'report.md', figures, tables, study.changed)


def _draw(study: Study, found: list[boards_lib.Board]) -> dict[str, list]:
    """Draws every figure there is something for; by the heading of its board, '' for those of the folder."""
    from posbench.report import by_position, canvas, choices, curves, matrices, page, pictures, texts, word_map

    drawn: dict[str, list] = {}

    def keep(heading: str, name: str, fig, alt: str) -> None:
        if fig is not None:
            canvas.save(fig, study.folder / f'{name}.png')
            drawn.setdefault(heading, []).append(page.Picture(study.folder / f'{name}.png', alt))

    who = study.runs[0].name if study.single else 'every encoding'
    train_length = next((board.train_length for board in found if board.train_length is not None), None)
    tasks: dict[str, list[boards_lib.Board]] = {}
    with canvas.style():
        for i, board in enumerate(found):
            tasks.setdefault(board.task.name, []).append(board)
            heading, end = page.heading(board), '' if i == 0 else f'-{i + 1}'
            words = board.metric.phrase
            effects = choices.of_board(board, study.levels)
            alt = f'{choices.TITLE}: {texts.upper(words)} of one level minus that of another. {heading}.'
            keep(heading, f'choices{end}', choices.figure(board, effects), alt)
            if len(board.runs) > page.MANY:
                continue
            if len(board.lengths) > 1:
                fig = curves.lengths(board, 'What happens beyond the training length')
                keep(heading, f'lengths{end}', fig, f'{texts.upper(words)} by test length, {who}. {heading}.')
            for j, metric in enumerate(board.placed):
                fig = by_position.figure(board, metric, f'Where in the sequence the {metric.words} is')
                alt = f'{texts.upper(metric.words)} by position in the longest sequence, {who}. {heading}.'
                keep(heading, f'positions{end}{f"-of-{j + 1}" if j else ""}', fig, alt)
            for j, (title, item) in enumerate(page.figures(study, board)):
                alt = (
                    f'{title}, {len(item["rows"])} by {len(item["columns"])}; the numbers stand in a table. {heading}.'
                )
                keep(heading, f'figure{end}-{j + 1}', matrices.figure(item, title), alt)
        mapped = [run for run in study.runs if run.words is not None]
        for i, run in enumerate(mapped):
            title = 'Where the words are' if study.single else f'{run.name}: where the words are'
            alt = f'Map of {len(run.words["map"]["words"])} words by {run.name}.'
            keep('', f'map{"" if i == 0 else f"-{i + 1}"}', word_map.figure(run.words, title), alt)
        ordered = []
        for i, (task, of_task) in enumerate(tasks.items()):
            # In the order of the first table.
            order = {name: j for j, name in enumerate(of_task[0].runs)}
            runs = [run for run in study.runs if run.task.name == task]
            if len(runs) > page.MANY:
                continue
            runs.sort(key=lambda run: order.get(run.name, len(order)))
            heading, end = '' if len(tasks) == 1 else page.heading(of_task[0]), '' if i == 0 else f'-{i + 1}'
            ordered += runs
            validated = any(run.series('validation', 'loss') for run in runs)
            what = 'Training and validation loss' if validated else 'Training loss'
            # Word vectors of several trainers each have a loss of their own.
            units = dict.fromkeys(run.loss.unit for run in runs)
            for j, unit in enumerate(units):
                alike, of_loss = [run for run in runs if run.loss.unit == unit], f'-of-{j + 1}' if j else ''
                whose = f': {", ".join(run.name for run in alike)}' if len(units) > 1 else ''
                fig = curves.learning(alike, f'Learning curves{whose}')
                keep(heading, f'learning{end}{of_loss}', fig, f'{what} by step, {who}.')
            # A share is no loss in other words, as bits are.
            if of_task[0].metric.share or not validated:
                fig = curves.progress(of_task[0], runs, f'{texts.upper(of_task[0].metric.words)} on validation data')
                alt = f'{texts.upper(of_task[0].metric.phrase)} on validation data by step, {who}.'
                keep(heading, f'validation{end}', fig, alt)
        seen = {run.name: run.picture for run in ordered if run.picture is not None}
        if study.single and seen:
            picture = next(iter(seen.values()))
            fig = pictures.one(picture, train_length, f'What {who} does')
            keep('', 'encoding', fig, f'{who}: {pictures.KINDS[picture["kind"]]}.')
        elif seen:
            fig = pictures.many(seen, train_length, 'What each encoding does')
            keep('', 'encodings', fig, f'Pictures of {len(seen)} encodings: {", ".join(seen)}.')
    return drawn
