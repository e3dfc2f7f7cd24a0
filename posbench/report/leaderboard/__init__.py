"""Many studies to one leaderboard: leaderboard.html and leaderboard.md, and beside them its tables and figures.

What an encoding scored on a task is comparable to another one's on that task alone; a score that is 0 at chance and 1
where nothing is wrong can be averaged over tasks. Everything is a function of the rows: the same files, the same bytes.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from posbench.files import write_atomically
from posbench.report import page as page_lib
from posbench.report import table_files
from posbench.report.leaderboard import board_tables, entrants, scores, studies, to_markdown
from posbench.report.leaderboard.page import FOLDER, Page

__all__ = ['Built', 'build']

# The columns that a terminal has room for.
SHORT = ('name', 'rank', 'group', 'score', 'at', 'tasks')


@dataclasses.dataclass(frozen=True)
class Built:
    """What was made: the result in a sentence, the page, the text, the figures and the files of tables."""

    item: Page
    headline: str
    html: Path
    markdown: Path
    figures: list[Path]
    tables: list[Path]

    def block(self, readme: Path) -> str:
        """The first table as a README shows it."""
        return to_markdown.block(self.item, readme)

    def show(self) -> None:
        """Prints the first table."""
        from posbench.report import terminal

        rows = [[row[j].text for j, key in enumerate(self.item.keys) if key in SHORT] for row in self.item.board.rows]
        heads = [column.name for column, key in zip(self.item.board.columns, self.item.keys) if key in SHORT]
        said = [self.item.board.note, *self.item.left_out]
        failed = [
            f'{one["study"]}, {one["run"]}: {one["reason"]}' for one in self.item.results.scores.field.without_results
        ]
        terminal.show_table(self.headline, said, heads, rows, failed, [str(self.html)])


def build(folder: Path, found: Sequence[studies.Found]) -> Built | None:
    """Writes the leaderboard of some studies into a folder; None where none has a task that is scored by length.

    Studies that are grids without a choice called `encoding` compare something else, and take no part. Raises OSError
    where a file cannot be written; it names the file.
    """
    found = [one for one in found if one.runs is None or one.runs.is_of_encodings]
    field = entrants.field(studies.together(found))
    if not field.problems:
        return None
    item = Page(folder, found, board_tables.Results(scores.score(field)))
    (folder / FOLDER).mkdir(exist_ok=True)
    tables, figures = table_files.write(folder / FOLDER, item.tables), []
    for name, text in item.drawings:
        figures.append(folder / FOLDER / f'{name}.svg')
        write_atomically(figures[-1], text)
    html = page_lib.environment().get_template('leaderboard/page.html.j2').render(page=item)
    write_atomically(folder / 'leaderboard.html', html)
    write_atomically(folder / 'leaderboard.md', to_markdown.text(item))
    return Built(item, item.headline, folder / 'leaderboard.html', folder / 'leaderboard.md', figures, tables)
