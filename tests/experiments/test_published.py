"""The papers' tables: every file can be read, numbers are of the size of what they measure, and some are as written."""

import pathlib
import re

import pytest

from posbench.report import published
from posbench.runs import experiment
from tests.experiments.worlds import WORLDS

FOLDER = pathlib.Path(__file__).parents[2] / 'experiments' / 'published'
FILES = sorted(FOLDER.glob('*.json'))
# From, to: what a number of a metric may be, by the end of its name.
RANGES = {'accuracy': (0, 1), 'exact_match': (0, 1), 'error': (0, 1), 'rank': (0, 1), 'perplexity': (1, 1000)}
MINE = {name for name in WORLDS if published.of_experiment(FOLDER.parent / f'{name}.py')}


def find(name: str, run: str, metric: str, length: int | None = None) -> published.Number:
    return published.load(FOLDER / f'{name}.json').find(run, metric, length)


def test_there_are_tables():
    assert len(FILES) >= 30


@pytest.mark.parametrize('path', FILES, ids=lambda path: path.stem)
def test_a_table_is_read_and_its_numbers_are_of_the_size_of_what_they_measure(path):
    table = published.load(path)
    assert table.source.startswith('arXiv:')
    for cell in table.cells:
        low, high = RANGES.get(
            re.split('[/_]', cell.metric, maxsplit=1)[-1], RANGES.get(cell.metric.rpartition('_')[2], (0, 1e5))
        )
        assert cell.value is not None and low <= cell.value <= high, cell
        assert cell.page and table.note, cell


def test_a_table_from_memory_says_so_in_every_cell_and_no_other_table_is_from_memory():
    from_memory = {
        path.stem: {cell.provenance == published.MEMORY for cell in published.load(path).cells} for path in FILES
    }
    assert from_memory.pop('ruoss2023_table1') == {True}
    assert all(said == {False} for said in from_memory.values())


def test_the_table_from_memory_fits_what_was_read_of_it():
    """The abstract says that random positions gain 12.0 % in the mean over tasks; the best of each kind counts."""
    cells = published.load(FOLDER / 'ruoss2023_table1.json').cells
    tasks = {cell.run.partition('-')[0] for cell in cells}
    gains = []
    for task in tasks:
        of_task = {cell.run.partition('-')[2]: cell.value for cell in cells if cell.run.startswith(f'{task}-')}
        assert len(of_task) == 11
        best = [
            max(value for name, value in of_task.items() if name.startswith('randomized') == at_random)
            for at_random in (True, False)
        ]
        gains.append(best[0] - best[1])
    assert len(tasks) == 15
    assert sum(gains) / 15 == pytest.approx(0.1195, abs=1e-4)


def test_columns_have_the_means_that_were_calculated_beside_them():
    cells = published.load(FOLDER / 'zheng2024_dape.json').cells
    for name, wanted in (('learned', 47.72), ('rope', 55.27), ('transformer_xl', 56.35), ('dape', 60.35)):
        values = [cell.value for cell in cells if cell.run.partition('-')[2] == name]
        assert len(values) == 14
        assert sum(values) / 14 == pytest.approx(wanted / 100, abs=6e-5)


@pytest.mark.parametrize(
    ('name', 'cell', 'value', 'provenance'),
    [
        ('ruoss2023_table1', ('bucket_sort-transformer_xl', 'filled/token_accuracy'), 0.919, published.MEMORY),
        ('zheng2024_dape', ('parity_check-fire', 'filled/token_accuracy'), 0.5097, published.SOURCE),
        ('press2022_extrapolation_table2', ('sinusoidal', 'windows/perplexity', 1012), 43.54, published.SOURCE),
        ('press2022_extrapolation_table3', ('alibi-1024', 'windows/perplexity', 16024), 17.98, published.SOURCE),
        ('press2022_extrapolation_table4', ('rope-3072', 'windows/perplexity', 6072), 19.50, published.SOURCE),
        ('press2022_extrapolation_table5', ('alibi-256', 'windows/perplexity', 1536), 19.13, published.SOURCE),
        ('press2022_extrapolation_tables13_15', ('t5', 'sliding/perplexity', 2048), 22.62, published.SOURCE),
        ('kazemnejad2023_splits', ('copy_cmc2x-alibi', 'decoded/exact_match'), 0.569, published.SOURCE),
        ('kazemnejad2023_lengths', ('reverse_mc-t5', 'decoded/exact_match', 26), 0.31, published.SOURCE),
        ('kazemnejad_ranks', ('t5-classic', 'mean_reciprocal_rank'), 0.71, published.FIGURE),
        ('golovneva2024_counting', ('3_variables-shaw', 'decoded/exact_match'), 0.822, published.SOURCE),
        ('flip_flop_cope', ('rope', 'out_of_distribution/error'), 0.203, published.SOURCE),
        ('golovneva2024_selective_copy', ('learned', 'sparse/error'), 0.852, published.SOURCE),
        ('flip_flop_path', ('rope', 'sparse/error'), 0.403, published.SOURCE),
        ('gopalakrishnan2025_indirect_indexing', ('pope', 'decoded/exact_match'), 0.9482, published.SOURCE),
        (
            'gopalakrishnan2025_indirect_indexing_later',
            ('alibi_half', 'decoded/exact_match'),
            0.2735,
            published.SECOND_HAND,
        ),
        (
            'chen2023_interpolation_pg19_tuned',
            ('position_interpolation-tuned', 'sliding/perplexity', 8192),
            6.95,
            published.SOURCE,
        ),
        ('chen2023_interpolation_yarn', ('yarn-tuned', 'sliding/perplexity', 10240), 6.04, published.SOURCE),
        ('dosovitskiy2021_positions', ('learned', 'whole/accuracy'), 0.64206, published.SOURCE),
        # 448 x 448 and 512 x 512 pixels.
        ('heo2024_resolution', ('rope_mixed', 'whole/accuracy', 784), 0.809, published.SOURCE),
        ('heo2024_resolution_readme', ('rope_axial', 'whole/accuracy', 1024), 0.761, published.FIGURE),
        ('shaw2018_clipping_table2', ('k0', 'BLEU'), 12.5, published.SOURCE),
        ('shaw2018_clipping_table3', ('values', 'BLEU'), 25.3, published.SOURCE),
        ('vaswani2017_row_e', ('learned', 'windows/perplexity'), 4.92, published.SOURCE),
        ('haviv2022_nopos', ('none', 'windows/perplexity', 512), 20.97, published.SOURCE),
        ('haviv2022_table2', ('alibi-760M', 'windows/perplexity', 1024), 13.53, published.SOURCE),
        ('cho2024_position_coupling', ('position_coupling', 'longest_length'), 70, published.SOURCE),
        ('ostmeier2024_liere_table3', ('rope_mixed', 'whole/accuracy', 276), 0.886, published.SOURCE),
    ],
)
def test_a_number_is_what_was_read(name, cell, value, provenance):
    found = find(name, *cell)
    assert (found.value, found.provenance) == (value, provenance)


def test_every_experiment_on_a_paper_has_numbers_of_its_runs():
    assert set(WORLDS) == MINE
    for name in MINE:
        runs = {run.name for run in experiment.load(FOLDER.parent / f'{name}.py').runs}
        for path in published.of_experiment(FOLDER.parent / f'{name}.py'):
            table = published.load(path)
            of_runs = {cell.run for cell in table.cells}
            larger = path.stem in ('press2022_extrapolation_table3', 'press2022_extrapolation_table4')
            assert larger or of_runs & runs, path.stem
