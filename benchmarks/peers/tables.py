"""What was measured, as Markdown: a table a section, and whether each aim was reached."""

from benchmarks.peers import cases

# 6 a parameter of the matrices and token, 12 L D a token and layer for attention, of which causal ones need half.
_MATRICES = cases.DECODER['layers'] * (
    4 * cases.DECODER['width'] ** 2 + 2 * cases.DECODER['width'] * cases.DECODER['hidden']
)
PARAMETERS = _MATRICES + cases.DECODER['width'] * cases.DECODER['vocabulary']
PEAK_AIM, RUN_AIM, SEEDS_AIM = 0.75, 10.0, 4.0
RUN = 1000

HEAD = (
    '| case | subject | {unit} a second | ms | of the rounds | s of all cores | most memory, MiB | posbench is |\n'
    '| --- | --- | ---: | ---: | --- | ---: | ---: | ---: |'
)


def is_ours(row: dict) -> bool:
    """Whether a row is of posbench."""
    return row['subject'].startswith('posbench')


def is_peer(row: dict) -> bool:
    """Whether a row is of something that posbench is compared with, and was measured."""
    return 'seconds' in row and not is_ours(row) and 'gflops' not in row


def written(rows: list[dict]) -> str:
    """All sections."""
    parts = []
    for name, section in cases.SECTIONS.items():
        some = [row for row in rows if row['section'] == name]
        if some:
            parts += [f'## {name.capitalize()}', section.__doc__.strip().splitlines()[0], _measured(some)]
            parts += [_table(some), '\n'.join(f'- {line}' for line in _verdicts(name, some)) or 'Nothing is aimed at.']
    return '\n\n'.join(parts) + '\n'


def _measured(rows: list[dict]) -> str:
    first = rows[0]
    return f'{first["when"]}, {first["machine"]}; the median of {first["of_rounds"]} rounds.'


def titles(rows: list[dict]) -> list[str]:
    """The cases of rows, in their order."""
    return list(dict.fromkeys(row['case'] for row in rows))


def _table(rows: list[dict]) -> str:
    lines = [HEAD.format(unit=rows[0]['unit'])]
    for title in titles(rows):
        some = [row for row in rows if row['case'] == title]
        own = next((row['seconds'] for row in some if is_ours(row) and 'seconds' in row), None)
        for row in some:
            if 'problem' in row:
                lines.append(f'| {title} | {row["subject"]} | {row["problem"]} | | | | | |')
            elif 'gflops' in row:
                lines.append(f'| {title} | {row["subject"]} | {row["gflops"]:.0f} GFLOP | | | | | |')
            else:
                lines.append(_line(title, row, own))
    return '\n'.join(lines)


def _line(title: str, row: dict, own: float | None) -> str:
    seconds = row['seconds']
    spread = f'{_ms(row["low"])} to {_ms(row["high"])}'
    cores = f'{row["core_seconds"]:.3g}' if 'core_seconds' in row else ''
    times = f'{seconds / own:.2f} times as fast' if own and not is_ours(row) else ''
    rate = f'{row["amount"] / seconds:,.0f}'
    memory = f'{row["peak_mib"]:,.0f}'
    return f'| {title} | {row["subject"]} | {rate} | {_ms(seconds)} | {spread} | {cores} | {memory} | {times} |'


def _ms(seconds: float) -> str:
    return f'{seconds * 1e3:,.0f}' if seconds >= 0.1 else f'{seconds * 1e3:.3g}'


def _verdicts(section: str, rows: list[dict]) -> list[str]:
    found = []
    for title in titles(rows):
        some = [row for row in rows if row['case'] == title]
        peers = [row for row in some if is_peer(row)]
        own = [row for row in some if is_ours(row) and 'seconds' in row]
        aim = some[0]['aim']
        if aim is not None and not (own and peers):
            found.append(f'{title}: not compared, wanted posbench and a peer that can be run.')
        elif aim is not None and section != 'algorithmic':
            best = min(peers, key=lambda row: row['seconds'])
            for row in own:
                ratio = best['seconds'] / row['seconds']
                found.append(f'{title}: {row["subject"]} at {ratio:.2f} of {best["subject"]}, {_reached(ratio, aim)}')
        elif section == 'algorithmic':
            found += _algorithmic(title, own, peers[0], aim)
        if section == 'step':
            found += _of_peak(title, some)
    return found


def _of_peak(title: str, rows: list[dict]) -> list[str]:
    """How much of the matrix product's rate a step of posbench has, where attention counts all L^2 pairs."""
    peak = max((row['gflops'] for row in rows if 'gflops' in row), default=None)
    own = next((row for row in rows if is_ours(row) and 'seconds' in row), None)
    if peak is None or own is None:
        return []
    length = int(title.split(' x ')[1].split()[0].replace(',', ''))
    a_token = 6 * PARAMETERS + 12 * cases.DECODER['layers'] * length * cases.DECODER['width']
    share = own['amount'] * a_token / own['seconds'] / 1e9 / peak
    return [f'{title}: {share:.0%} of the {peak:.0f} GFLOP a second of a matrix product, {_reached(share, PEAK_AIM)}']


def _algorithmic(title: str, own: list[dict], peer: dict, aim: float) -> list[str]:
    """A step, a run with its compiling, and several seeds beside as many runs of the peer, one after the other."""
    found, lengths = [], cases.PAPER_LENGTH
    whole = peer['compile'] + (RUN - lengths) * peer['seconds']
    for row in own:
        seeds = row['seeds']
        ratio = peer['seconds'] / row['seconds']
        wanted = aim if seeds == 1 else SEEDS_AIM
        found.append(
            f'{title}: a step of {row["subject"]} at {ratio:.2f} of {peer["subject"]}, {_reached(ratio, wanted)}'
        )
        run = row['compile'] + (RUN - 1) * seeds * row['seconds']
        ratio = seeds * whole / run
        found.append(
            f'{title}: {RUN:,} steps with compiling take {row["subject"]} {run:,.0f} s and {peer["subject"]}, {seeds} '
            f'times in turn, {seeds * whole:,.0f} s: {ratio:.1f}, {_reached(ratio, RUN_AIM)}. Not run to the end: '
            f'compiling was measured whole, once ({row["compile"]:.0f} s; {peer["compile"]:.0f} s there, with one step '
            'of each length), and all other steps are taken to be as long as the measured ones.'
        )
    return found


def _reached(ratio: float, aim: float) -> str:
    return f'{"reached" if ratio >= aim else "NOT REACHED"} (aim {aim:g})'
