"""Every task keeps the contract; so does one from a folder outside the package; and a broken one does not."""

import dataclasses
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from posbench import tasks
from posbench.tasks import base
from tests.tasks import contract, oracles

MINE = '''
"""A user's own task: say again what was read a few places before."""

import math
from typing import Annotated, ClassVar

import jax
import jax.numpy as jnp
import optax

from posbench.knobs import Range
from posbench.tasks import base, generated


class Task(base.Task):
    metrics: ClassVar = {
        'accuracy': base.Metric('of tokens', 'higher', decides=True, share=True),
        'loss': base.Metric('nats per token', 'lower'),
    }
    protocols: ClassVar = {'later': 'every token but the first few'}

    symbols: Annotated[int, Range(min=2)] = base.option(3)
    back: Annotated[int, Range(min=1)] = base.option(2)

    @property
    def vocabulary(self):
        return self.symbols

    def sample(self, rng, batch_size, length):
        return self.rows(jax.random.split(rng, batch_size), length)

    def rows(self, keys_B, length):
        read_BL = jax.vmap(lambda key: jax.random.randint(key, (length,), 0, self.symbols))(keys_B)
        weights_BL = jnp.broadcast_to(jnp.arange(length) >= self.back, read_BL.shape).astype(jnp.float32)
        return dict(inputs_BL=read_BL, targets_BL=jnp.roll(read_BL, self.back, axis=1), weights_BL=weights_BL)

    def held_out(self, split, length, budget):
        for batch in generated.held_out(self.rows, length, split=split, protocol=0, length=length, budget=budget):
            yield 'later', batch

    def loss(self, outputs, batch):
        nats_BL = optax.softmax_cross_entropy_with_integer_labels(outputs, batch['targets_BL'])
        return jnp.where(batch['weights_BL'] > 0, nats_BL, 0).sum(), batch['weights_BL'].sum()

    def score(self, outputs, batch):
        right_BL = (outputs.argmax(-1) == batch['targets_BL']).astype(jnp.float32)
        right_BL = jnp.where(jnp.isnan(outputs).any(-1), jnp.nan, right_BL)
        nats, weight = self.loss(outputs, batch)
        return dict(right=jnp.where(batch['weights_BL'] > 0, right_BL, 0).sum(), nats=nats, weight=weight)

    def values(self, sums):
        weight = sums['weight'] or math.nan
        return dict(accuracy=sums['right'] / weight, loss=sums['nats'] / weight)

    def chance(self, split, length):
        return dict(accuracy=1 / self.symbols, loss=math.log(self.symbols))
'''


def build(name: str) -> base.Task:
    """The task called so, or that of a file."""
    if name in tasks.names():
        return oracles.build(name)
    return tasks.build(pathlib.Path(name).stem, module=name)


@pytest.fixture(scope='module')
def any_task(request):
    return build(request.param)


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
def test_the_task(check, any_task):
    check(any_task)


@pytest.mark.parametrize('name', oracles.names())
def test_every_setting_agrees_with_the_oracle(name):
    for options in oracles.module(name).SETTINGS:
        task = oracles.build(name, options)
        for check in contract.ORACLE_CHECKS:
            check(task)


def test_every_task_of_the_package_has_an_oracle():
    assert oracles.names() == tasks.names()


@pytest.fixture(scope='module')
def mine(tmp_path_factory):
    path = tmp_path_factory.mktemp('elsewhere') / 'mine.py'
    path.write_text(MINE)
    return tasks.build('mine', module=str(path), symbols=4)


@pytest.mark.parametrize('check', contract.CHECKS, ids=lambda check: check.__name__)
def test_a_task_from_another_folder(check, mine):
    check(mine)


def test_an_option_of_a_task_from_another_folder_arrives(mine):
    assert mine.symbols == 4 and mine.back == 2
    contract.the_option_changes_something(mine, 'back', 5)


def changed(task, **methods):
    """The task with other results of its methods: `methods` are given what it gave, and what it was given."""

    def around(name, change):
        def method(self, *arguments, **options):
            return change(getattr(type(task), name)(self, *arguments, **options), *arguments, *options.values())

        return method

    # Its source is that of the task, for whoever asks for the options that are declared there.
    broken = type('Broken', (type(task),), {'__module__': type(task).__module__})
    # Now that it is a dataclass, which brings methods of its own.
    for name, change in methods.items():
        setattr(broken, name, around(name, change))
    return broken(**{field.name: getattr(task, field.name) for field in dataclasses.fields(task)})


def each(change):
    """Changes every held-out batch; `change` is given its number too."""

    def held_out(batches, *arguments):
        for number, (protocol, batch) in enumerate(batches):
            yield protocol, dict(batch, **change(batch, number, *arguments))

    return held_out


def weigh_nothing(batch, number, *arguments):
    return dict(weights_BL=np.zeros_like(batch['weights_BL']))


def roll_where_there_is_room(batch, given):
    *_, budget = given
    return dict(inputs_BL=np.roll(batch['inputs_BL'], bool(budget.shapes), axis=1))


def if_alone(x):
    """What a host gives that is asked for one batch, and zeros where it is asked for several."""
    wanted = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.pure_callback(
        lambda y: np.where(y.ndim == 2, y, 0).astype(y.dtype), wanted, x, vmap_method='broadcast_all'
    )


COUNT = iter(range(1000))

# Check -> what breaks it, and what it then says.
BROKEN = {
    contract.one_metric_decides_and_values_and_chance_have_them_all: [
        (dict(values=lambda values, sums: dict(values, more=1.0)), 'values'),
        (dict(chance=lambda chance, split, length: dict(loss=chance['loss'])), 'chance'),
    ],
    contract.batches_have_the_keys_shapes_and_types_of_the_interface: [
        (dict(sample=lambda batch, *_: dict(batch, targets_BL=batch['targets_BL'].astype(float))), 'targets_BL is'),
        (dict(sample=lambda batch, *_: dict(batch, inputs_BL=batch['inputs_BL'] + 1)), 'inputs_BL from 1 to 4'),
        (dict(sample=lambda batch, *_: dict(batch, targets_B=batch['targets_BL'][:, 0])), 'one of targets_BL'),
        (dict(sample=lambda batch, *_: jax.tree.map(lambda x: x[:, 1:], batch)), 'got 15 places'),
        (dict(sample=lambda batch, *_: dict(batch, weights_BL=-batch['weights_BL'])), 'no weights'),
        (dict(held_out=each(lambda batch, *_: jax.tree.map(jnp.asarray, batch))), 'wanted NumPy arrays'),
        (dict(held_out=each(weigh_nothing)), 'no weights'),
    ],
    contract.a_batch_is_a_function_of_its_key: [
        (dict(sample=lambda batch, *_: jax.tree.map(jnp.zeros_like, batch)), 'another key gave the same batch'),
    ],
    contract.sampling_works_for_many_keys_at_once: [
        (dict(sample=lambda batch, *_: jax.tree.map(if_alone, batch)), 'under vmap'),
    ],
    contract.what_has_no_weight_changes_nothing: [
        (dict(loss=lambda loss, outputs, batch: (loss[0] + outputs.sum(), loss[1])), 'the loss'),
        (dict(loss=lambda loss, outputs, batch: (loss[0], 1.0 * batch['weights_BL'].size)), 'the loss'),
        (dict(score=lambda sums, outputs, batch: dict(sums, right=sums['right'] + outputs.sum())), 'the score'),
    ],
    contract.a_batch_scores_what_its_rows_score_one_by_one: [
        (dict(score=lambda sums, *_: dict(sums, right=sums['right'] / sums['weight'])), 'the score of all rows'),
        (dict(loss=lambda loss, *_: (loss[0] / loss[1], loss[1])), 'the (score|loss) of all rows'),
    ],
    contract.a_model_without_numbers_gets_none: [
        (dict(values=lambda values, sums: {k: float(np.nan_to_num(v)) for k, v in values.items()}), 'says no number'),
    ],
    contract.nothing_scored_is_no_number: [
        (dict(values=lambda values, sums: {k: float(np.nan_to_num(v)) for k, v in values.items()}), 'no targets'),
    ],
    contract.a_perfect_model_gets_the_best_there_is: [
        (dict(values=lambda values, sums: dict(values, accuracy=values['accuracy'] / 2)), 'gets 0.5, wanted 1'),
        (dict(values=lambda values, sums: dict(values, loss=values['loss'] + 1)), 'gets 1.0, wanted 0'),
        (dict(chance=lambda chance, *_: dict(chance, accuracy=1.5)), 'chance is 1.5'),
    ],
    contract.a_model_that_reads_nothing_scores_chance: [
        (dict(chance=lambda chance, *_: dict(chance, accuracy=0.4)), 'chance is 0.4'),
        # At its first place a sequence always says the same, as a model can know that reads nothing.
        (
            dict(held_out=each(lambda batch, *_: dict(targets_BL=batch['targets_BL'] * (np.arange(16) % 2)))),
            'a model that reads nothing gets 0.6',
        ),
    ],
    contract.held_out_batches_are_the_same_every_time_and_of_one_shape: [
        (dict(held_out=lambda batches, *_: iter(())), 'nothing is held out'),
        (
            dict(held_out=each(lambda batch, *_: dict(inputs_BL=batch['inputs_BL'] * 0 + next(COUNT)))),
            'other batches the second time',
        ),
        (
            dict(held_out=each(lambda batch, number, *_: jax.tree.map(lambda x: x[: 9 - number], batch))),
            'more than one shape',
        ),
        (
            dict(held_out=each(lambda batch, number, *_: dict(inputs_BL=batch['inputs_BL'] * 0 + number))),
            'smaller batches of later have other rows',
        ),
        (dict(held_out=lambda batches, *_: (('other', batch) for _, batch in batches)), 'protocols'),
    ],
    contract.room_for_longer_sequences_changes_none: [
        (dict(held_out=each(lambda batch, number, *given: roll_where_there_is_room(batch, given))), 'other rows'),
    ],
    contract.held_out_data_are_never_trained_on: [
        (
            dict(held_out=each(lambda batch, *_: dict(inputs_BL=batch['inputs_BL'] * 0))),
            'validation and test share sequences',
        ),
    ],
    contract.every_option_changes_a_batch_or_a_score: [
        (dict(replace=lambda task, *_: type(task)(symbols=task.symbols)), 'back=3 changes nothing'),
    ],
}


@pytest.mark.parametrize('check', BROKEN, ids=lambda check: check.__name__)
def test_the_contract_notices_what_breaks_it(check, mine):
    for methods, message in BROKEN[check]:
        with pytest.raises((AssertionError, ValueError), match=message):
            check(changed(mine, **methods))


def test_the_contract_notices_other_targets_than_the_oracle_has():
    reverse = oracles.build('sequence/reverse')
    for name in ('targets_BL', 'weights_BL', 'inputs_BL'):
        broken = changed(reverse, sample=lambda batch, *_, name=name: dict(batch, **{name: batch[name][:, ::-1]}))
        with pytest.raises(AssertionError, match=f'training, length 16: {name}'):
            contract.targets_and_weights_are_those_of_the_oracle(broken)
    with pytest.raises(AssertionError, match='in_distribution: weights_BL'):
        all_scored = each(lambda batch, *_: dict(weights_BL=np.ones_like(batch['weights_BL'])))
        contract.targets_and_weights_are_those_of_the_oracle(
            changed(oracles.build('retrieval/flip_flop'), held_out=all_scored)
        )


def test_the_contract_notices_another_chance_than_the_oracle_counts():
    broken = changed(oracles.build('image/digits'), chance=lambda chance, *_: dict(chance, loss=chance['loss'] + 0.01))
    with pytest.raises(AssertionError, match='validation, loss: chance is 2'):
        contract.chance_is_what_the_oracle_counts(broken)


def test_every_check_was_seen_to_fail():
    assert set(BROKEN) == set(contract.CHECKS)
