"""What became of a submitted encoding: the verdict in words, and the leaderboard with it among the shipped ones.

Rules adapted from AlgoPerf (Dahl et al. 2023, arXiv 2306.07179): everything but the submission is fixed, and what does
not keep the contract, or costs more than the shipped ones it is compared with, is said to.
"""

import dataclasses
import json
from pathlib import Path

from posbench.files import write_atomically
from posbench.report import leaderboard, texts
from posbench.report.leaderboard import studies
from posbench.report.leaderboard.board_tables import Results
from posbench.report.leaderboard.entrants import Entrant
from posbench.report.leaderboard.scores import failed_of
from posbench.report.leaderboard.standings import ALPHA, Place
from posbench.report.rows import ReportError

CONTRACT = 'contract.json'
# Words of a check -> what it means that an encoding does not pass it, the gravest first.
GRAVEST = {
    'later token': 'tokens hear later ones through it, so that any score of it would be one of copying',
    'how many tokens follow': 'it reads how long the whole sequence is without saying so, and could be made for the '
    'lengths of the test',
    'finite': 'it gives what is no number, which no score can be made of',
}
# More parameters than without an encoding by a larger share than this are not 'as many'.
MATCHED = 0.01
# Times a token takes, as multiples of those without an encoding, up to which it is called as fast.
SLOWER = 1.25


@dataclasses.dataclass(frozen=True)
class Verdict:
    """Sentences, the first one the verdict; `is_ranked` unless the encoding broke the contract or a run failed."""

    sentences: list[str]
    is_ranked: bool

    @property
    def text(self) -> str:
        return '\n'.join(self.sentences)


def build(label: str, folder: Path, shipped: Path) -> Verdict:
    """Writes verdict.md, and leaderboard.html where there are results, into the folder of a submission.

    Args:
      label: what the submission is called in its runs, `label@task`.
      shipped: the folder of the mini benchmark with the shipped encodings; where it is not there, the submission stands
        alone.

    Raises ReportError, in one line, for damaged files.
    """
    contract = _contract(folder)
    broken = [item for item in contract['checks'] if item['found'] is not None]
    if broken:
        verdict = _refused(label, broken)
    else:
        found = studies.read([shipped, folder] if shipped.is_dir() else [folder])
        parts = [one.runs for one in found if one.runs is not None]
        # On the same tasks, as if all had been run together.
        whole = studies.merged(folder, parts) if len(parts) > 1 else parts[0] if parts else None
        title = f'{label} beside the shipped encodings'
        built = whole and leaderboard.build(folder, [studies.Found(folder, title, '', whole)])
        if built is None:
            raise ReportError(f'{folder}: no run of {label} has results')
        verdict = _ranked(label, built.item.results, contract['claims'])
    write_atomically(folder / 'verdict.md', '\n\n'.join([f'# {label}', *verdict.sentences]) + '\n')
    return verdict


def _contract(folder: Path) -> dict:
    try:
        found = json.loads((folder / CONTRACT).read_text('utf-8'))
        return dict(claims=found['claims'], checks=found['checks'])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ReportError(f'{folder / CONTRACT}: it cannot be read ({error})') from None


def _refused(label: str, broken: list[dict]) -> Verdict:
    """What it does not keep. An encoding by which tokens hear later ones is told so before all else."""
    checks = texts.count(len(broken), 'check')
    # An error that every check meets is one mistake.
    alike: dict[str, list[str]] = {}
    for item in broken:
        alike.setdefault(item['found'], []).append(item['asks'])
    lines = []
    for found, (asks, *others) in alike.items():
        more = f' (and {texts.count(len(others), "other")})' if others else ''
        lines.append(f'* {asks}{more}: {found}')
    # An error on the way to a check is no sign of what the check is about.
    asked = ' '.join(item['asks'] for item in broken if not item['raised'])
    why = next((said for mark, said in GRAVEST.items() if mark in asked), None)
    why = why or f'it does not keep the contract of encodings, {checks} of it'
    return Verdict([f'{label} is not ranked, and was not trained: {why}.', *lines], False)


def _ranked(label: str, results: Results, claims: dict) -> Verdict:
    """Where it stands beyond the training length and at it, what it costs, and what failed."""
    entrant = next((one for one in results.scores.field.entrants if one.name.split(' (')[0] == label), None)
    if entrant is None:
        return Verdict([f'{label} is not ranked: none of its runs has results.'], False)
    failed = failed_of(results.scores, entrant)
    sentences = [_place(label, results, entrant), _at(label, results, entrant), *_beside(results, entrant)]
    sentences += _costs(label, results, entrant)
    if claims.get('depends_on_length'):
        sentences.append(
            'It is told how long the whole sequence is (it claims `depends_on_length`), tokens that are yet to '
            'be read among them: what it does at a length may be made for that length.'
        )
    if failed:
        sentences.insert(1, f'It failed: {"; ".join(failed)}. A failure scores as the worst of all does there.')
    return Verdict([one for one in sentences if one], not entrant.failed)


def _find(places: list[Place], entrant: Entrant) -> Place | None:
    return next((place for place in places if place.entrant == entrant.name), None)


def _place(label: str, results: Results, entrant: Entrant) -> str:
    place, count = _find(results.places, entrant), len(results.places)
    if place is None:
        lacks = results.main.unranked.get(entrant.name, [])
        return f'{label} is not ranked: it has no results on {texts.listed(lacks)}.'
    others = [
        other.entrant
        for other in results.places
        if other.entrant != entrant.name and set(other.letters) & set(place.letters)
    ]
    alike = f' It cannot be told from {texts.listed(others)}.' if others else ' It can be told from all others.'
    if not place.letters:
        alike = ''
    return (
        f'Beyond the training length {label} is {_rank(place)} of {count}, with {_score(place)} of what lies between '
        f'chance and no error.{alike}'
    )


def _at(label: str, results: Results, entrant: Entrant) -> str:
    place = _find(results.places_at, entrant)
    if place is None:
        return ''
    return f'At the training length it is {_rank(place)} of {len(results.places_at)}, with {_score(place)}.'


def _rank(place: Place) -> str:
    rank = f'{place.rank:g}'
    return rank if place.best is None else f'{rank} (95 %: {place.best:g} to {place.worst:g})'


def _score(place: Place) -> str:
    half = place.score.half
    return f'{place.score.mean:.3f}' if half is None else f'{place.score.mean:.3f} ± {half:.3f}'


def _beside(results: Results, entrant: Entrant) -> list[str]:
    """What it is better and worse than, by tests that are corrected for there being many."""
    better, worse = [], []
    for pair in results.pairs:
        if pair.p < ALPHA and entrant.name in (pair.first, pair.second):
            (better if pair.first == entrant.name else worse).append(
                pair.second if pair.first == entrant.name else pair.first
            )
    found = []
    if better:
        found.append(f'Better than {texts.listed(better)} (paired over seeds, Holm, 5 %).')
    if worse:
        found.append(f'Worse than {texts.listed(worse)} (the same).')
    return found


def _costs(label: str, results: Results, entrant: Entrant) -> list[str]:
    """Parameters and speed beside those of the model without an encoding."""
    own, plain = results.costs.get(entrant.name), results.costs.get('none')
    if own is None or not own.params or not own.encoding_params:
        return []
    without = min(own.params) - min(own.encoding_params)
    share = max(more / (total - more) for more, total in zip(_by_size(own.encoding_params), _by_size(own.params)))
    amount = f'up to {max(own.encoding_params):,} parameters more than a model without it ({100 * share:.1f} %)'
    if share <= MATCHED:
        said = f'Parameters are matched: it has {amount}.' if max(own.encoding_params) else 'It has no parameters.'
    else:
        said = f'Parameters are not matched: it has {amount}, so that a larger model may be what it gains by.'
    found = [said] if without > 0 else []
    if plain is not None and own.rate and plain.rate and own.devices == plain.devices:
        ratio = plain.rate / own.rate
        words = 'about as fast as' if ratio <= SLOWER else 'slower than'
        arithmetic = (
            f', and ×{own.flops / plain.flops:.2f} its FLOPs by parameters' if own.flops and plain.flops else ''
        )
        found.append(
            f'Training is {words} without an encoding: ×{ratio:.2f} the time a token{arithmetic} '
            f'({texts.listed(own.devices)}).'
        )
    return found


def _by_size(amounts: tuple[int, ...]) -> list[int]:
    return sorted(amounts)
