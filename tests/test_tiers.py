"""Which encodings and configs the default tier asks everything of, and which tests go to one worker."""

import os

import pytest

from posbench import encodings, tasks
from posbench.encodings import base
from posbench.tasks import questions
from tests import conftest, small_job, tiers


def test_every_kind_of_encoding_has_exactly_one_representative():
    built = {name: encodings.build(name) for name in encodings.names()}
    chosen = tiers.encodings_of_all_kinds()
    kinds = [tiers.kind(built[name]) for name in chosen]
    assert len(set(kinds)) == len(kinds)
    assert set(kinds) == {tiers.kind(encoding) for encoding in built.values()}


def test_configs_with_a_second_phase_or_other_positions_are_kinds_of_their_own():
    configs = tiers.configs_of_all_kinds()
    assert set(configs) <= set(small_job.VARIANTS) and len(configs) == len(set(configs))
    assert {'none', 'drope', 'randomized_rope', 'pose'} <= set(configs)


def test_kinds_of_caches_and_of_trainings_are_fewer_and_all_are_there():
    caches, trainings = tiers.encodings_of_all_caches(), tiers.configs_of_all_trainings()
    assert len(caches) < len(tiers.encodings_of_all_kinds()) and len(trainings) < len(tiers.configs_of_all_kinds())
    # A cache that keeps more than keys and values, and one of several coordinates; two phases, and drawn positions.
    assert {'fox', 'comrope'} <= set(caches) and {'drope', 'pose'} <= set(trainings)


def test_tasks_that_are_no_questions_are_kinds_of_their_own_and_one_question_stands_for_all():
    chosen = tiers.tasks_of_all_kinds()
    assert {'text/language_model', 'image/digits', 'retrieval/flip_flop', 'sequence/reverse'} <= set(chosen)
    assert len([name for name in chosen if name.startswith('chomsky/')]) == 1


def test_a_question_with_an_option_or_a_metric_of_its_own_is_a_kind_of_its_own():
    like = type('Like', (questions.Blanks,), dict(alphabet=2, rooms=None, asked=None, shortest=2))
    other = type('Other', (questions.Blanks,), dict(alphabet=2, rooms=None, asked=None, metrics={}))
    assert tiers.kind_of_task(like) == tiers.kind_of_task(tasks.TASKS.find('chomsky/bucket_sort'))
    assert tiers.kind_of_task(other) != tiers.kind_of_task(like)


class Hooked(base.PositionEncoding):
    """One hook that is rare."""

    def sink(self):
        return None


class Claiming(base.PositionEncoding):
    """A claim that no encoding makes beside this hook."""

    shift_invariant = False
    even_width = True

    def sink(self):
        return None


@pytest.mark.parametrize('new', [Hooked(), Claiming()], ids=lambda encoding: type(encoding).__name__)
def test_an_encoding_with_another_combination_of_hooks_and_claims_is_a_representative(new):
    built = {name: encodings.build(name) for name in encodings.names()} | {'zz_new': new}
    assert 'zz_new' in tiers.representatives(built, lambda name: tiers.kind(built[name]))


def test_an_encoding_like_another_one_is_not():
    built = {name: encodings.build(name) for name in encodings.names()} | {'zz_new': encodings.build('alibi')}
    assert 'zz_new' not in tiers.representatives(built, lambda name: tiers.kind(built[name]))


class Metafunc:
    """What pytest tells of a test that has both arguments, and the values that these are given."""

    fixturenames = ('encoding', 'variant', 'generating', 'training')

    def __init__(self, **options):
        self.config, self.options, self.given = self, options, {}

    def getoption(self, name):
        return self.options.get(name.strip('-'))

    def parametrize(self, argument, values, ids=None):
        self.given[argument] = list(values if ids is None else ids)


def test_tests_are_given_one_of_each_kind_or_all_or_the_one_of_a_file(tmp_path):
    def given(**options):
        metafunc = Metafunc(**options)
        conftest.pytest_generate_tests(metafunc)
        return metafunc.given

    default = dict(
        encoding=tiers.encodings_of_all_kinds(),
        generating=tiers.encodings_of_all_caches(),
        variant=tiers.configs_of_all_kinds(),
        training=tiers.configs_of_all_trainings(),
    )
    assert given() == default
    names, configs = encodings.names(), small_job.VARIANTS
    assert given(all=True) == dict(encoding=names, generating=names, variant=configs, training=configs)
    mine = tmp_path / 'mine.py'
    mine.write_text((encodings.FOLDER / 'alibi.py').read_text('utf-8'), 'utf-8')
    assert given(encoding=str(mine)) == default | dict(encoding=['mine'], generating=['mine'])


@pytest.mark.skipif('PYTEST_XDIST_WORKER' not in os.environ, reason='no worker beside this one')
def test_tests_that_share_what_they_compile_go_to_one_worker(request):
    """pytest-xdist reads the group in the name of a test; where it is not there, groups are ignored without a word."""
    assert request.node.nodeid.endswith('@tests/test_tiers.py')
