"""The contract: what every task has to keep, as functions of a task. Call them on your own:

    from posbench import tasks
    from tests.tasks import contract

    for check in contract.CHECKS:
        check(tasks.build('mine', module='mine.py', symbols=7))

Each makes batches, scores made-up models on them, and raises AssertionError. The lengths are squares of even numbers,
unless the task has an oracle that says otherwise (tests/tasks/oracles).
"""

import functools
import inspect
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np

from posbench.knobs import declared, kinds
from posbench.tasks import base
from tests.tasks import oracles, small
from tests.tasks.small import ROWS, differs, same

# Of held-out rows on which something is counted.
MANY = 1600

CHECKS = []
# Those that look at what is a task's own, whatever its base: they are asked of every task with every setting.
ORACLE_CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def oracle_check(function):
    ORACLE_CHECKS.append(function)
    return function


@check
def one_metric_decides_and_values_and_chance_have_them_all(task):
    base.deciding(task.metrics)
    for name, metric in task.metrics.items():
        assert metric.better in ('lower', 'higher'), f'{name}.better is {metric.better!r}'
    length = small.lengths(task)[0]
    batch = small.sampled(task, length)
    assert set(small.values(task, small.score(task, small.babble(task, batch), batch))) == set(task.metrics), 'values'
    assert set(task.chance('test', length)) == set(task.metrics), 'chance'
    assert task.protocols and all(task.protocols.values()), 'protocols have a sentence each'


@check
def batches_have_the_keys_shapes_and_types_of_the_interface(task):
    for length in small.lengths(task):
        looks_right(task, small.sampled(task, length), length, f'training, length {length}')
        for protocol, batch in small.held_out(task, 'test', length):
            looks_right(task, batch, length, f'{protocol}, length {length}')
            assert all(isinstance(x, np.ndarray) for x in batch.values()), f'{protocol}: wanted NumPy arrays'


def looks_right(task, batch, length, where):
    """AssertionError for a batch that has not what tasks/base.py says."""
    for one, other in (('inputs_BL', 'inputs_BLC'), ('targets_BL', 'targets_B')):
        assert (one in batch) != (other in batch), f'{where}: wanted one of {one} and {other}'
    of_each = task.says in ('tokens', 'tags')
    assert ('targets_BL' in batch) == of_each, f'{where}: says {task.says!r}, and has other targets'
    inputs = batch['inputs_BL'] if 'inputs_BL' in batch else batch['inputs_BLC']
    source = batch.get('source_BM', np.zeros((0, 0)))
    rows, places = inputs.shape[:2]
    # dtype, shape, and how many values there are.
    wanted = {
        'inputs_BL': ('int32', (rows, places), task.vocabulary),
        'inputs_BLC': ('float32', inputs.shape, None),
        'targets_BL': ('int32', (rows, places), small.choices(task)),
        'targets_B': ('int32', (rows,), task.classes),
        'weights_BL': ('float32', (rows, places), None),
        'weights_B': ('float32', (rows,), None),
        'segment_ids_BL': ('int32', (rows, places), None),
        'source_BM': ('int32', (rows, *source.shape[1:]), task.vocabulary),
        'source_segment_ids_BM': ('int32', (rows, *source.shape[1:]), None),
    }
    for name, x in batch.items():
        dtype, shape, count = wanted.get(name, (x.dtype, x.shape, None))
        assert x.dtype == dtype and x.shape == shape, f'{where}: {name} is {x.dtype} {x.shape}, wanted {dtype} {shape}'
        if count is not None:
            assert x.min() >= 0 and x.max() < count, f'{where}: {name} from {x.min()} to {x.max()}, wanted 0 to {count}'
    wanted = task.tokens(length)
    assert wanted in (places, *source.shape[1:]), f'{where}: got {places} places, wanted {wanted}'
    weights = small.weights(batch)
    assert np.isfinite(weights).all() and (weights >= 0).all() and weights.any(), f'{where}: no weights'


@check
def a_batch_is_a_function_of_its_key(task):
    for length in small.lengths(task):
        first, again, other = (small.sampled(task, length, seed) for seed in (1, 1, 2))
        assert not differs(first, again), f'length {length}: the same key gave another batch'
        assert differs(first, other), f'length {length}: another key gave the same batch'


@check
def sampling_works_for_many_keys_at_once(task):
    for length in small.lengths(task):
        sample = functools.partial(task.sample, batch_size=ROWS, length=length)
        together = small.numpy(jax.jit(jax.vmap(sample))(jnp.stack([jax.random.key(seed) for seed in (1, 2)])))
        alone = [small.sampled(task, length, seed) for seed in (1, 2)]
        same(together, jax.tree.map(lambda *x: np.stack(x), *alone), f'length {length}: under vmap')


@check
def what_has_no_weight_changes_nothing(task):
    for length in small.lengths(task)[:2]:
        batch = small.sampled(task, length)
        # Rows that a batch is filled up with, and places that are not scored.
        more = {name: np.concatenate([x, x[:2]]) for name, x in batch.items()}
        small.weights(more)[ROWS:] = 0
        guess, said = small.logits(task, batch), small.babble(task, batch)
        wanted, found = small.loss(task, guess, batch), small.loss(task, with_more(guess, more, 7), more)
        same(found, wanted, f'length {length}: the loss, with more of no weight')
        # There may be no number past a table, and any token.
        elsewhere = small.choices(task) - 1 if task.generates else np.nan
        wanted, found = small.score(task, said, batch), small.score(task, with_more(said, more, elsewhere), more)
        same(found, wanted, f'length {length}: the score, with more of no weight')
        wanted, found = small.values(task, wanted), small.values(task, found)
        same(found, wanted, f'length {length}: the values, with more of no weight')


def with_more(outputs, batch, elsewhere):
    """Outputs for a batch that the first two rows were added to; `elsewhere` wherever nothing is scored."""
    outputs, unscored = np.concatenate([outputs, outputs[:2]]), small.weights(batch) == 0
    return np.where(unscored[(..., *(None,) * (outputs.ndim - unscored.ndim))], elsewhere, outputs).astype(
        outputs.dtype
    )


@check
def a_batch_scores_what_its_rows_score_one_by_one(task):
    for length in small.lengths(task)[:2]:
        batch = small.sampled(task, length)
        for what, of, outputs in (
            ('score', small.score, small.babble(task, batch)),
            ('loss', small.loss, small.logits(task, batch)),
        ):
            rows = [slice(row, row + 1) for row in range(ROWS)]
            one_by_one = small.total([of(task, outputs[row], small.rows_of(batch, row)) for row in rows])
            same(small.total([of(task, outputs, batch)]), one_by_one, f'length {length}: the {what} of all rows')


@check
def a_model_without_numbers_gets_none(task):
    """Past a table, say: the place of a NaN would pass for the likeliest answer, which may be the right one."""
    batch = small.sampled(task, small.lengths(task)[0])
    said = np.full_like(small.babble(task, batch), base.NOTHING if task.generates else np.nan)
    found = small.values(task, small.score(task, said, batch))
    assert all(math.isnan(value) for value in found.values()), f'where a model says no number: {found}'


@check
def nothing_scored_is_no_number(task):
    batch = small.sampled(task, small.lengths(task)[0])
    small.weights(batch)[:] = 0
    found = small.values(task, small.score(task, small.babble(task, batch), batch))
    assert all(math.isnan(value) for value in found.values()), f'of no targets at all: {found}'


@check
def a_perfect_model_gets_the_best_there_is(task):
    """1 of a share of which more is better, and 0 of an error and of nats and bits; never worse than chance."""
    length, known = small.lengths(task)[0], getattr(oracles.of(task), 'BEST', {})
    chance = task.chance('test', length)
    found = small.values_of_a_model(task, small.held_out(task, 'test', length), small.targets)
    for protocol, (name, metric) in itertools.product(found, task.metrics.items()):
        value, where = found[protocol][name], f'{protocol}/{name}: a perfect model'
        if name in known or metric.share or metric.unit.startswith(('nats', 'bits')):
            wanted = known.get(name, float(metric.better == 'higher'))
            assert abs(value - wanted) < 1e-5, f'{where} gets {value}, wanted {wanted}'
        beyond = value - chance[name] if metric.better == 'higher' else chance[name] - value
        assert beyond >= 0, f'{where} gets {value}, and chance is {chance[name]}'


@check
def a_model_that_reads_nothing_scores_chance(task):
    """One that says the same all the time, or at each place what stands there most often in other held-out data.

    The best of them is held to the chance of each metric that is a share, within four standard deviations of as many
    coins as rows are scored.
    """
    length = min(small.lengths(task))
    batches = small.held_out(task, 'test', length, small.budget(MANY, 200, length))
    models = [lambda batch, c=c: np.full_like(small.targets(batch), c) for c in range(small.choices(task))]
    if task.says != 'classes':
        others = small.held_out(task, 'validation', length, small.budget(MANY, 200, length))
        commonest_L = small.commonest(task, others)
        models.append(lambda batch: np.broadcast_to(commonest_L, small.targets(batch).shape))
    shares = {name: metric for name, metric in task.metrics.items() if metric.share}
    found = [small.values_of_a_model(task, batches, say) for say in models] if shares else [{}]
    for protocol, (name, metric) in itertools.product(found[0], shares.items()):
        best = (max if metric.better == 'higher' else min)(values[protocol][name] for values in found)
        rows, chance = len(small.read(batches, protocol)), task.chance('test', length)[name]
        where = f'{protocol}/{name}: chance is {chance}'
        assert abs(best - chance) <= 2 / math.sqrt(rows), f'{where}, and a model that reads nothing gets {best}'


@check
def held_out_batches_are_the_same_every_time_and_of_one_shape(task):
    for split, length in itertools.product(('validation', 'test'), small.lengths(task)):
        where, first = f'{split}, length {length}', small.held_out(task, split, length)
        assert first, f'{where}: nothing is held out'
        assert not differs(first, small.held_out(task, split, length)), f'{where}: other batches the second time'
        shapes: dict[str, set] = {}
        for protocol, batch in first:
            shapes.setdefault(protocol, set()).add(tuple((name, x.shape) for name, x in sorted(batch.items())))
        assert set(shapes) <= set(task.protocols), f'{where}: protocols {list(shapes)}'
        assert all(len(found) == 1 for found in shapes.values()), f'{where}: more than one shape'
        fewer = small.held_out(task, split, length, small.budget(3 * ROWS, 2, max(small.lengths(task))))
        for protocol in shapes:
            rows, others = small.read(first, protocol), small.read(fewer, protocol)
            assert rows == others, f'{where}: smaller batches of {protocol} have other rows'


@oracle_check
@check
def room_for_longer_sequences_changes_none(task):
    """Held-out rows in arrays of a longer length are the same rows, filled up with what no model sees."""
    short, _, long = sorted(small.lengths(task))
    wanted = small.held_out(task, 'test', short)
    found = small.held_out(task, 'test', short, small.budget(3 * ROWS, 2 * ROWS, long)._replace(shapes=(long,)))
    for protocol in task.protocols:
        rows, others = (small.real_rows(batches, protocol) for batches in (wanted, found))
        fewer = min(len(rows), len(others))
        assert rows[:fewer] == others[:fewer], f'length {short} of {protocol}, in arrays for {long}: other rows'


@check
def held_out_data_are_never_trained_on(task):
    length = max(small.lengths(task))
    seen = {'training': set(small.read([('', small.sampled(task, length, rows=500))]))}
    for split in ('validation', 'test'):
        seen[split] = set(small.read(small.held_out(task, split, length)))
    for one, other in itertools.combinations(seen, 2):
        assert not seen[one] & seen[other], f'{one} and {other} share sequences'


@check
def every_option_changes_a_batch_or_a_score(task):
    oracle = oracles.of(task)
    unheard, others = getattr(oracle, 'UNHEARD', {}), getattr(oracle, 'OTHER', {})
    options = declared.options('task', 'task', inspect.getsourcefile(type(task)))
    for name, option in options.items():
        if name in unheard:
            changed = task.replace(**{name: unheard[name]})
            assert not differs(heard(task), heard(changed)), f'{name}={unheard[name]!r} changes something'
        else:
            value = others[name] if name in others else another(option.knob, getattr(task, name))
            the_option_changes_something(task, name, value)


def another(knob: kinds.Knob, value):
    """Some other value that a knob allows. AssertionError where none is known."""
    tries = []
    match knob:
        case kinds.Optional(inner):
            return another(inner, value)
        case kinds.Bool():
            tries = [not value]
        case kinds.Choice(values):
            tries = values
        case kinds.Int():
            tries = [1, 2] if value is None else [value + 1, value - 1]
        case kinds.Float():
            tries = [0.5, 1.0] if value is None else [value + 1.0, value / 2, value - 1.0, (value + 1.0) / 2]
    for other in tries:
        try:
            if other != value:
                return knob.check(other)
        except kinds.NotAllowed:
            continue
    raise AssertionError(f'no other value than {value!r} is known of {knob}')


def the_option_changes_something(task, option: str, value):
    """Setting `option` to `value` changes a batch, a loss or a score."""
    assert getattr(task, option) != value, f'{option}={value!r} is what it was'
    changed = task.replace(**{option: value})
    assert differs(heard(task), heard(changed)), f'{option}={value!r} changes nothing'


def heard(task):
    """All that a task gives: batches of training and of each protocol, and what is made of them."""
    length = small.lengths(task)[0]
    batch = small.sampled(task, length)
    return dict(
        training=batch,
        held_out=small.held_out(task, 'test', length),
        loss=small.loss(task, small.logits(task, batch), batch),
        score=small.score(task, small.babble(task, batch), batch),
        chance=task.chance('test', length),
        sizes=(task.vocabulary or 0, task.classes or 0),
    )


@oracle_check
def targets_and_weights_are_those_of_the_oracle(task):
    """At three lengths, of training and of both splits; what is held out in arrays of one shape, where that can be."""
    longest = max(small.lengths(task))
    budget = small.budget(3 * ROWS, 2 * ROWS, longest)._replace(shapes=(longest,))
    for length in small.lengths(task):
        agrees(task, small.sampled(task, length), None, f'training, length {length}')
        for split in ('validation', 'test'):
            for protocol, batch in small.held_out(task, split, length, budget):
                real = small.rows_of(batch, small.scored_rows(batch))
                agrees(task, real, protocol, f'{split}, length {length}, {protocol}')


def agrees(task, batch, protocol, where):
    """AssertionError where a batch has something else than its oracle makes of what is read."""
    wanted = oracles.of(task).expected(task, batch, protocol)
    suffix = small.suffix(batch)
    assert {f'targets_{suffix}', f'weights_{suffix}'} <= set(wanted), 'an oracle gives targets and weights'
    for name, x in wanted.items():
        np.testing.assert_array_equal(batch[name], x, err_msg=f'{where}: {name}')


@oracle_check
def chance_is_what_the_oracle_counts(task):
    """At the shortest length, on as many held-out rows as the tolerance that it gives is for."""
    length = min(small.lengths(task))
    for split in ('validation', 'test'):
        batches = small.held_out(task, split, length, small.budget(MANY, 200, length))
        counted, chance = oracles.of(task).counted(task, split, length, batches), task.chance(split, length)
        assert set(counted) == set(task.metrics), 'an oracle counts every metric'
        for name, (value, tolerance) in counted.items():
            off = abs(chance[name] - value)
            assert off <= tolerance, f'{split}, {name}: chance is {chance[name]}, counted {value} +- {tolerance}'
