"""posbench and its peers side by side: training, attention, generation, start-up, memory, word vectors.

    pip install -r benchmarks/requirements.txt     # in this environment, or in another one named by --peers_python
    python -m benchmarks.peers [--only=step,attention,generation,algorithmic,startup,memory,vectors] [--rounds=5]
        [--case=PATTERN] [--haiku_loop=FOLDER] [--peers_python=PATH] [--text=medium] [--tiny] [--write]

Each subject has a process of its own, and they take turns, so that a machine that is busy is busy for all. What is not
installed is a line that says so. `--haiku_loop` is a checkout of google-deepmind/randomized_positional_encodings in a
folder of that name; `--case` takes the cases whose title it is in; `--tiny` shows in minutes that everything runs.
`--write` puts the sections that were measured into benchmarks/peers.json, and what is there into peers.md and peers.png
beside it. Peers are as they come; seconds of all cores hardly change on a busy machine. Of a training step's attention
all L^2 pairs are counted.
"""

import argparse
import datetime
import json
import pathlib
import sys

from benchmarks.peers import cases, picture, tables, turns
from posbench.files import write_atomically

FOLDER = pathlib.Path(__file__).parents[1]
ROWS, TABLE, PICTURE = FOLDER / 'peers.json', FOLDER / 'peers.md', FOLDER / 'peers.png'


def measured(case: cases.Case, rounds: int) -> list[dict]:
    """The rows of a case."""
    rows = (turns.start if case.fresh else turns.take)(case.subjects, rounds)
    about = dict(section=case.section, case=case.title, amount=case.amount, unit=case.unit, aim=case.aim)
    about |= dict(when=datetime.date.today().isoformat(), machine=turns.machine(), of_rounds=rounds)
    seeds = [len(subject.options.get('knobs', {}).get('seeds', (0,))) for subject in case.subjects]
    return [about | row | dict(seeds=count) for row, count in zip(rows, seeds)]


def main() -> None:
    """Measures, prints, and writes where asked to."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.peers', description=__doc__.splitlines()[0])
    parser.add_argument('--only', default=','.join(cases.SECTIONS))
    parser.add_argument('--case', default='', help='the cases whose title this is in')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--peers_python', default=None)
    parser.add_argument('--haiku_loop', default=None, help='a checkout of randomized_positional_encodings')
    parser.add_argument('--text', default='medium')
    parser.add_argument('--tiny', action='store_true')
    parser.add_argument('--write', action='store_true')
    flags = parser.parse_args()
    only = flags.only.split(',')
    if unknown := set(only) - set(cases.SECTIONS):
        parser.error(f'--only: got {", ".join(sorted(unknown))}, wanted some of {", ".join(cases.SECTIONS)}')
    if flags.write and (flags.tiny or flags.case):
        parser.error('--write: got it with --tiny or --case, wanted whole sections at their size')
    settings = cases.Settings(flags.peers_python, flags.haiku_loop, flags.text, flags.tiny)
    rows = []
    for section in only:
        for case in cases.SECTIONS[section](settings):
            if flags.case in case.title:
                found = measured(case, flags.rounds)
                rows += found
                for row in found:
                    said = row.get('problem') or f'{row["seconds"] * 1e3:10,.1f} ms {row["peak_mib"]:8,.0f} MiB'
                    print(f'{section:12} {case.title:45} {row["subject"]:26} {said}', file=sys.stderr, flush=True)
    print(tables.written(rows))
    if flags.write:
        kept = json.loads(ROWS.read_text('utf-8')) if ROWS.exists() else []
        rows = [row for row in kept if row['section'] not in only] + rows
        write_atomically(ROWS, (json.dumps(rows, indent=1) + '\n').encode())
        head = '# posbench and its peers\n\nWritten by `python -m benchmarks.peers --write`.\n\n![](peers.png)\n\n'
        write_atomically(TABLE, (head + tables.written(rows)).encode())
        picture.save(rows, PICTURE)


if __name__ == '__main__':
    main()
