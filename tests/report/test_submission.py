"""The verdict on a submission, by made-up rows of which it is known where they stand."""

import json
import math

import pytest

from posbench.report import submission
from posbench.report.rows import ReportError
from tests.report.leaderboard import fields

SHIPPED = ('none', 'rope', 'alibi', 'transformer_xl')
TASKS = ('length/copy', 'length/sort', 'retrieval/flip_flop')


@pytest.fixture(scope='module')
def shipped(tmp_path_factory):
    return fields.write(tmp_path_factory.mktemp('shipped'), SHIPPED, TASKS)


@pytest.fixture
def submitted(tmp_path, monkeypatch):
    """submitted(kept, slope, found): the folder of `mine`, with a contract where one check may have found something."""

    def write(
        kept, slope, found=None, asks='later tokens leave earlier logits alone', tasks=TASKS, raised=False, **claims
    ):
        monkeypatch.setitem(fields.ENCODINGS, 'mine', ('mine', kept, slope))
        checks = [dict(asks='odd sizes work', found=None, raised=False), dict(asks=asks, found=found, raised=raised)]
        (tmp_path / 'contract.json').write_text(json.dumps(dict(claims=claims, checks=checks)))
        return fields.write(tmp_path, ('mine',) if tasks else (), tasks)

    return write


def test_a_good_one_is_first_and_told_from_the_others(submitted, shipped):
    verdict = submission.build('mine', submitted(1.3, 0.0), shipped)
    assert verdict.is_ranked
    first, at, better, *_ = verdict.sentences
    assert first.startswith('Beyond the training length mine is 1 (95 %: 1 to 1) of 5, with ')
    assert first.endswith('It can be told from all others.') and at.startswith('At the training length it is 1')
    assert better.startswith('Better than transformer_xl, alibi, none and rope')


def test_one_like_another_is_said_not_to_be_told_from_it(submitted, shipped):
    first, *_ = submission.build('mine', submitted(0.88, 0.06), shipped).sentences
    assert 'It cannot be told from' in first and 'alibi' in first


def test_one_that_lets_tokens_hear_later_ones_has_no_score(submitted, shipped):
    folder = submitted(1.3, 0.0, found='row 0, token 3 differs', tasks=())
    verdict = submission.build('mine', folder, shipped)
    assert not verdict.is_ranked
    assert verdict.sentences == [
        'mine is not ranked, and was not trained: tokens hear later ones through it, so that any score of it would be '
        'one of copying.',
        '* later tokens leave earlier logits alone: row 0, token 3 differs',
    ]
    assert (folder / 'verdict.md').read_text().startswith('# mine\n\nmine is not ranked')


@pytest.mark.parametrize(
    ('asks', 'why'),
    [
        ('how many tokens follow changes nothing unless claimed otherwise', 'it reads how long the whole sequence is '),
        ('far outputs and gradients are finite', 'it gives what is no number'),
        ('hooks keep the type of the activations', 'it does not keep the contract of encodings, 1 check of it.'),
    ],
)
def test_one_that_breaks_another_rule_is_told_which(submitted, shipped, asks, why):
    verdict = submission.build('mine', submitted(1.3, 0.0, found='token 5 differs', asks=asks, tasks=()), shipped)
    assert verdict.sentences[0].startswith(f'mine is not ranked, and was not trained: {why}')
    assert verdict.sentences[1] == f'* {asks}: token 5 differs'


def test_an_error_that_many_checks_meet_is_said_once(submitted, shipped):
    folder = submitted(1.3, 0.0, found='mine.py:3: NameError', tasks=(), raised=True)
    contract = json.loads((folder / 'contract.json').read_text())
    (folder / 'contract.json').write_text(json.dumps(contract | dict(checks=contract['checks'][1:] * 3)))
    first, said = submission.build('mine', folder, shipped).sentences
    # Of an encoding that raises an error nobody knows whether tokens hear later ones.
    assert first.endswith('it does not keep the contract of encodings, 3 checks of it.')
    assert said == '* later tokens leave earlier logits alone (and 2 others): mine.py:3: NameError'


def test_one_that_claims_to_know_the_length_is_ranked_and_said_to(submitted, shipped):
    verdict = submission.build('mine', submitted(1.3, 0.0, depends_on_length=True), shipped)
    assert verdict.is_ranked and verdict.sentences[-1].startswith('It is told how long the whole sequence is')


def test_one_that_is_no_number_at_longer_lengths_failed_there(submitted, shipped):
    verdict = submission.build('mine', submitted(1.3, math.nan), shipped)
    assert 'mine is 5' in verdict.sentences[0]
    assert verdict.sentences[1].startswith('It failed: nan on 3 tasks.')


def test_more_parameters_are_said_not_to_be_matched(submitted, shipped):
    folder = submitted(0.9, 0.1)
    assert any(
        'Parameters are matched: it has up to' in one for one in submission.build('mine', folder, shipped).sentences
    )
    for path in folder.rglob('rows.jsonl'):
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        more = [row | dict(params=1_200_000, encoding_params=200_000) for row in rows]
        path.write_text(''.join(json.dumps(row) + '\n' for row in more))
    (said,) = [one for one in submission.build('mine', folder, shipped).sentences if 'Parameters' in one]
    assert 'not matched: it has up to 200,000 parameters more than a model without it (20.0 %)' in said


def test_a_contract_that_is_not_there_is_said_in_one_line(tmp_path, shipped):
    with pytest.raises(ReportError, match=r'contract\.json: it cannot be read'):
        submission.build('mine', tmp_path, shipped)
