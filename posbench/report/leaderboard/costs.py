"""What an encoding costs: parameters, arithmetic and speed, over the problems that are ranked."""

import dataclasses
import math

from posbench.report.folder import Run
from posbench.report.leaderboard.entrants import Entrant
from posbench.report.leaderboard.problems import Problem

FLOPS = (
    'FLOPs a token are those of training, forward and backward: 6 a parameter, and 12 times layers, channels and '
    'training length for attention (Hoffmann et al. 2022, appendix F); what an encoding itself computes is in its '
    'speed alone.'
)
SPEED = (
    'Tokens a second are all tokens of training by all seconds of training steps, on the device that the rows name; '
    'where a run has no timing.jsonl they are its training length times batch, steps and seeds.'
)


@dataclasses.dataclass(frozen=True)
class Cost:
    """Parameters of all runs; means a token over all of them; the devices they ran on. None where it is not known."""

    params: tuple[int, ...]
    encoding_params: tuple[int, ...]
    flops: float | None
    rate: float | None
    devices: tuple[str, ...]


def of(entrant: Entrant, problems: dict[str, Problem]) -> Cost:
    """The cost of an entrant on some problems, by their labels."""
    runs = [problems[label].runs[run] for label, run in entrant.runs.items() if label in problems]
    work = [(tokens(run), flops(run), seconds(run)) for run in runs]
    counted = [(amount, each) for amount, each, _ in work if amount and each]
    timed = [(amount, took) for amount, _, took in work if amount and took]
    return Cost(
        params=_distinct(runs, 'params'),
        encoding_params=_distinct(runs, 'encoding_params'),
        flops=_ratio([(amount * each, amount) for amount, each in counted]) if len(counted) == len(runs) else None,
        rate=_ratio(timed) if len(timed) == len(runs) else None,
        devices=_distinct(runs, 'device'),
    )


def flops(run: Run) -> float | None:
    """FLOPs of training a token, by the rule in FLOPS."""
    params, length = (next(iter(_distinct([run], name)), None) for name in ('params', 'train_length'))
    model = (run.config or {}).get('model') or {}
    layers, width = model.get('layers'), model.get('width')
    if None in (params, length, layers, width):
        return None
    return 6.0 * params + 12.0 * layers * width * length


def tokens(run: Run) -> float | None:
    """Tokens of training, of all seeds."""
    took = seconds(run)
    if run.rate is not None and took:
        return run.rate * took
    train = (run.config or {}).get('train') or {}
    length = next((row.train_length for row in run.rows if row.train_length is not None), None)
    step = max((row.step for row in run.rows if row.step is not None), default=None)
    seeds = len({row.seed for row in run.rows})
    if None in (train.get('batch_size'), length, step):
        return None
    return float(train['batch_size'] * length * step * seeds)


def seconds(run: Run) -> float | None:
    """Seconds of training steps. One program trains the seeds of a folder: its seconds, in every row, count once."""
    found = list(dict.fromkeys(row.wall_seconds for row in run.rows))
    return sum(found) if found and None not in found else None


def _ratio(pairs: list[tuple[float, float]]) -> float | None:
    return math.fsum(a for a, _ in pairs) / math.fsum(b for _, b in pairs) if pairs else None


def _distinct(runs: list[Run], name: str) -> tuple:
    found = {getattr(row, name) for run in runs for row in run.rows} - {None}
    return tuple(sorted(found))
