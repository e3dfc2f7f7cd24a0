"""One config has one hash, wherever the repository is."""

import os

import pytest

from posbench import identity
from posbench.knobs import schema
from posbench.runs import workdir

INSIDE = f'{identity.ROOT}{os.sep}experiments{os.sep}results'


def test_what_lies_in_the_repository_has_its_path_as_seen_from_it():
    config = dict(file=INSIDE, other='/elsewhere/experiments', near=f'{identity.ROOT}s', many=(INSIDE, 3, None))
    wanted = dict(file='experiments/results', other='/elsewhere/experiments', near=f'{identity.ROOT}s',
                  many=['experiments/results', 3, None])  # fmt: skip
    assert identity.portable(config) == wanted
    assert identity.config_hash(config) == identity.config_hash(wanted) != identity.config_hash(config | dict(file='a'))


@pytest.mark.parametrize('away', (False, True))
def test_a_config_that_a_run_wrote_is_read_again_from_anywhere(tmp_path, monkeypatch, away):
    config = schema.load('configs/inputs/word_vectors.py', {'input.file': INSIDE})
    text = workdir.as_json(config)
    assert str(identity.ROOT) not in text
    (tmp_path / 'config.json').write_text(text)
    if away:
        monkeypatch.chdir(tmp_path)
    again = schema.load(tmp_path / 'config.json')
    assert again.input.file == INSIDE
    assert identity.config_hash(again.to_dict()) == identity.config_hash(config.to_dict())
