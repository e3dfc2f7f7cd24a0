"""How many times as fast posbench is as the best peer of each case, in one look."""

import pathlib

from benchmarks.peers import tables
from posbench.report import canvas

LEFT, RIGHT, LINE = 2.75, 0.45, 0.21  # inches


def ratios(rows: list[dict]) -> list[tuple[str, str, float]]:
    """(section, case and what of posbench, seconds of the best peer by those of posbench)."""
    found = []
    for section in dict.fromkeys(row['section'] for row in rows if row['section'] != 'memory'):
        of_section = [row for row in rows if row['section'] == section]
        for title in tables.titles(of_section):
            some = [row for row in of_section if row['case'] == title]
            peers = [row['seconds'] for row in some if tables.is_peer(row)]
            for row in some:
                if peers and tables.is_ours(row) and 'seconds' in row:
                    which = row['subject'].removeprefix('posbench').strip(', ')
                    found.append((section, ', '.join(filter(None, (title, which))), min(peers) / row['seconds']))
    return found


def save(rows: list[dict], path: pathlib.Path) -> None:
    """One dot a case, on a logarithmic axis with a line at 1; nothing is written where nothing was compared."""
    found = ratios(rows)
    if not found:
        return
    with canvas.style():
        height = 1.25 + LINE * len(found)
        fig = canvas.figure(height, 'posbench beside the best peer', 'times as fast, median of the rounds; log scale')
        ax = canvas.panel(fig, left=LEFT, right=RIGHT, bottom=0.45, top=0.75)
        sections = list(dict.fromkeys(section for section, _, _ in found))
        for place, (section, _, ratio) in enumerate(found):
            color = canvas.look(sections.index(section))['color']
            ax.plot([1, ratio], [place, place], color=color, linewidth=1.2)
            ax.plot(ratio, place, 'o', color=color, markersize=5)
            ax.annotate(f'{ratio:.2f}', (ratio, place), (6 if ratio >= 1 else -6, 0), textcoords='offset points',
                        fontsize=8, color=color, va='center', ha='left' if ratio >= 1 else 'right')  # fmt: skip
        ax.axvline(1, color=canvas.INK, linewidth=0.9)
        ax.set_xscale('log')
        low, high = min(1.0, *(ratio for _, _, ratio in found)), max(1.0, *(ratio for _, _, ratio in found))
        # Room for the number beside the dot.
        low, high = low / 2.2, high * 2.2
        ax.set_xlim(low, high)
        ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= tick <= high]
        ax.set_xticks(ticks, [f'{tick:g}' for tick in ticks])
        ax.minorticks_off()
        ax.set_ylim(len(found) - 0.4, -0.6)
        ax.set_yticks(range(len(found)), [canvas.name(f'{section}: {case}', 42) for section, case, _ in found])
        ax.tick_params(axis='y', labelsize=7.5)
        ax.grid(False)
        canvas.save(fig, path)
