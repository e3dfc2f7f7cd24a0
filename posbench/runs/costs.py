"""What a study would cost, from the configs of its runs: an estimate, by the formulas of --mode=params."""

from typing import NamedTuple

from ml_collections import ConfigDict
from rich.console import Console
from rich.table import Table

from posbench import identity
from posbench.datasets.sources import NotPreparedError
from posbench.devices import host
from posbench.knobs import forms
from posbench.runs import reuse, study
from posbench.runs.plan import Planned
from posbench.training import job, parameters

# What device-hours are counted at: about a third of the 312 TFLOP/s of an NVIDIA A100 in bfloat16.
FLOPS_A_SECOND = 1e14


class Cost(NamedTuple):
    """Of the training of all seeds of a run; None where it is not known, and `why` says so."""

    steps: int | None = None
    seeds: int = 1
    tokens: float | None = None
    parameters: int | None = None
    flops: float | None = None
    why: str = ''


def show(request) -> None:
    """Prints a line for each run asked for, and what all of them cost."""
    host.prepare(request.devices)
    _, _, chosen = study.planned(request)
    table = Table('run', 'steps', 'seeds', 'tokens', 'parameters', 'FLOP', '', title='An estimate of the training')
    for column in table.columns[1:-1]:
        column.justify = 'right'
    found, trained, counted = [], {}, {}
    for one in chosen:
        same = trained.setdefault(reuse.key(one), one.name)
        if same != one.name:
            cost = Cost(0, len(one.config.seeds), 0.0, None, 0.0, f'as {same}, not again')
        elif (alike := _alike(one)) in counted:
            cost = counted[alike]
        else:
            cost = counted[alike] = of(one)
        found.append(cost)
        table.add_row(one.name, *map(_number, cost[:-1]), cost.why)
    console = Console()
    console.print(table)
    known = [cost for cost in found if cost.flops is not None]
    flops = sum(cost.flops for cost in known)
    unknown = f' {len(found) - len(known)} runs are not counted.' if len(known) < len(found) else ''
    console.print(
        f'An estimate: {len(found):,} runs, {sum(cost.steps for cost in known):,} steps, '
        f'{_number(sum(cost.tokens for cost in known))} tokens, {_number(flops)} FLOP; '
        f'{flops / FLOPS_A_SECOND / 3600:,.2g} device-hours at {_number(FLOPS_A_SECOND)} FLOP/s, which small models '
        f'do not reach. Scoring is not counted.{unknown}',
        soft_wrap=True,
    )


def of(one: Planned) -> Cost:
    """The cost of one run, whose data is prepared if that was not done before."""
    seeds = len(one.config.seeds)
    if forms.of(one.config) is not forms.MODEL:
        return Cost(one.steps, seeds, why='word vectors: not known before they are made')
    try:
        whole, why = _built(one)
        parts = [(phase.schedule.steps - phase.start, parameters.cost(phase)) for phase in whole.phases]
    except (ValueError, OSError) as error:
        return Cost(one.steps, seeds, why=' '.join(str(error).split()))
    tokens, flops = (seeds * sum(steps * cost[place] for steps, cost in parts) for place in (2, 3))
    return Cost(one.steps, seeds, float(tokens), parts[-1][1].parameters, flops, why)


def _alike(one: Planned) -> str:
    """The same for runs that differ in nothing but what costs nothing: which seeds, and the optimizer's numbers."""
    config = one.config.to_dict()
    return identity.config_hash(config | dict(seeds=len(config['seeds']), optimizer=None, evaluate=None))


def _built(one: Planned) -> tuple[job.Job, str]:
    """The job of a run, and what it is counted on where its own text has yet to be fetched.

    Another text costs the same, but for the size of its vocabulary.
    """
    try:
        return job.from_config(one.config, one.name), ''
    except NotPreparedError:
        config = ConfigDict(one.config.to_dict())
        config.dataset.update(name='austen', text_feature=None)
        found = job.from_config(config, one.name)
        return found, f'on the novels in {found.task.vocabulary:,} tokens: {one.config.dataset.name} is not here'


def _number(value: float | None) -> str:
    if value is None:
        return '-'
    return f'{value:,}' if isinstance(value, int) else f'{value:.3g}'.replace('e+', 'e')
