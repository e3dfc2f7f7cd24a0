# ruff: noqa: E501 - an expected message stays in one piece.
"""A config has one of two forms, whole."""

import pathlib

import pytest

from posbench import identity
from posbench.knobs import command_line, forms, schema
from posbench.knobs.kinds import UsageError

ROOT = pathlib.Path(schema.__file__).parents[2]
VECTORS, MODEL = (ROOT / 'configs' / f'{name}.py' for name in ('skipgram', 'rope'))
GROUPS = 'there are vectors, dataset, train, evaluate, mesh'


def refused(*arguments) -> str:
    with pytest.raises(UsageError) as error:
        command_line.parse([*map(str, arguments)])
    return str(error.value)


@pytest.mark.parametrize(
    ('flags', 'line'),
    [
        (['--config.model.layers=2'], f'config.model.layers: it belongs to a run of a model, as configs/default.py has it, and this is the config of a run of word vectors; {GROUPS}'),
        (['--config.encoding.name=alibi'], f'config.encoding.name: it belongs to a run of a model, as configs/default.py has it, and this is the config of a run of word vectors; {GROUPS}'),
        (['--config.dtype=bfloat16'], f'config.dtype: it belongs to a run of a model, as configs/default.py has it, and this is the config of a run of word vectors; {GROUPS}'),
        (['--config.train.steps=9'], 'config.train.steps: there is no such knob. Knobs here: epochs, steps_per_call, evaluate_every, checkpoint_every, keep_checkpoints'),
        (['--config.mesh.model=2'], 'config.mesh.model: there is no such knob. Knobs here: seed, data'),
        (['--config.vectors.name=skipgrm'], "config.vectors.name: got 'skipgrm', wanted one of"),
        (['--config.vectors.widht=9'], "config.vectors.widht: there is no such knob; did you mean 'width'? Knobs here: name, module, width"),
        (['--config.window=9'], "config.window: there is no such knob; did you mean 'config.vectors.window'?"),
        (['--config.vectors.module=nowhere.py'], "config.vectors.module: got '"),
        (['--config.dataset.name=folder'], "config.dataset.folder: got None, wanted a path, because config.dataset.name is 'folder'"),
        (['--config.train.evaluate_every=30'], 'config.train.evaluate_every: got 30, wanted a multiple of config.train.steps_per_call, which is 25'),
        (['--config.mesh.seed=2'], 'config.mesh.seed: got 2, wanted a divisor of 1, the number of seeds in config.seeds = (0,)'),
        (['--mode=generate'], "--mode: got 'generate', wanted one of train, evaluate, params, compile for a run of word vectors"),
        (['--atlas'], f"--atlas: got '{VECTORS}', the config of a run of word vectors, wanted one with an encoding"),
    ],
)  # fmt: skip
def test_what_does_not_belong_to_word_vectors_is_one_line(flags, line):
    assert refused(f'--config={VECTORS}', *flags).startswith(line)


def test_a_model_has_no_trainer_of_word_vectors():
    line = refused(f'--config={MODEL}', '--config.vectors.name=cbow')
    assert line.startswith(
        'config.vectors.name: it belongs to a run of word vectors, as configs/word_vectors.py has it'
    )


def test_a_config_of_both_forms_is_refused(tmp_path):
    (tmp_path / 'both.py').write_text(
        'from configs import default\ndef get_config():\n    config = default.get_config()\n'
        "    config.vectors = dict(name='cbow')\n    return config\n"
    )
    assert 'this is the config of a run of word vectors' in refused(f'--config={tmp_path / "both.py"}')


def test_a_trainer_of_ones_own_has_its_options(tmp_path):
    mine = tmp_path / 'mine.py'
    mine.write_text(
        'import dataclasses\nfrom posbench.word_vectors import skipgram\n\n'
        '@dataclasses.dataclass(frozen=True)\nclass Trainer(skipgram.Trainer):\n    boost: float = 2.0\n'
    )
    flags = [f'--config.vectors.module={mine}', '--config.vectors.boost=3', '--config.vectors.window=2']
    request = command_line.parse([f'--config={VECTORS}', *flags])
    found = request.config.vectors
    assert (found.name, found.module, found.boost, found.window, found.width) == ('mine', str(mine), 3.0, 2, 100)
    assert request.config_name == 'skipgram with vectors mine'


def test_another_trainer_is_said_in_the_name_of_a_run_and_so_is_an_option_of_it():
    said = {
        'skipgram': [],
        'skipgram with vectors cbow': ['--config.vectors.name=cbow'],
        'skipgram with vectors.window=2': ['--config.vectors.window=2'],
    }
    for name, flags in said.items():
        assert command_line.parse([f'--config={VECTORS}', *flags]).config_name == name


def test_every_config_has_a_form_and_an_id_of_its_own():
    assert {'cbow', 'skipgram'} <= {*forms.names(forms.WORD_VECTORS, ROOT / 'configs')}
    assert 'rope' in forms.names(forms.MODEL, ROOT / 'configs')
    found = [schema.load(ROOT / 'configs' / f'{name}.py') for name in ('skipgram', 'cbow')]
    assert len({identity.config_hash(config.to_dict()) for config in found}) == 2
    assert identity.is_of(found[0].to_dict(), identity.config_hash(found[0].to_dict()))
