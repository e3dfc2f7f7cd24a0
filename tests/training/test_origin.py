"""What a run comes from: which differences make another run, and which may make other bits."""

import types

from posbench.training import origin

CONFIG = dict(train=dict(steps=10, length=4), encoding=dict(name='mine', module=None), evaluate=dict(multiples=[1]))


def of(config=CONFIG, data='a', tokenizer='{}'):
    made = types.SimpleNamespace(to_json=lambda: tokenizer)
    return origin.of(config, types.SimpleNamespace(fingerprint=data, tokenizer=made))


def changed(group, **knobs):
    return CONFIG | {group: CONFIG[group] | knobs}


def test_what_decides_no_weights_makes_no_other_run():
    assert origin.refused(of(), of(changed('train', steps=20))) == []
    assert origin.refused(of(), of(changed('evaluate', multiples=(1, 2)))) == []
    tuples = CONFIG | dict(seeds=(0, 1))
    assert origin.refused(of(CONFIG | dict(seeds=[0, 1])), of(tuples)) == [], 'JSON has lists'


def test_other_devices_make_no_other_run_and_are_said():
    there, here = (of(CONFIG | dict(mesh=dict(data=data, model=1), parallel='jit')) for data in (1, 4))
    assert origin.refused(there, here) == []
    assert origin.said(there, here) == ['config.mesh.data is 1 there and 4 here']
    # From before there was such a knob.
    assert origin.said(of(), here) == []


def test_config_data_and_tokenizer_make_another_run():
    assert origin.refused(of(), of(changed('train', length=8))) == ['config.train.length is 4 there and 8 here']
    assert origin.refused(of(), of(data='b')) == ['the data (SHA-256 a there and b here)']
    (line,) = origin.refused(of(), of(tokenizer='[]'))
    assert line.startswith('the tokenizer (SHA-256 ')
    without = origin.of(CONFIG, None)
    assert origin.refused(without, without) == []
    assert origin.refused(without, of())[0] == 'the data (SHA-256 none there and a here)'


def test_a_file_of_the_user_is_part_of_the_code(tmp_path):
    file = tmp_path / 'mine.py'
    file.write_text('SIGN = 1')
    config = changed('encoding', module=str(file))
    before = of(config)
    assert origin.said(before, of(config)) == []
    file.write_text('SIGN = -1')
    assert origin.said(before, of(config)) == ['config.encoding.module changed']
    assert origin.said(of(), of(config)) == ['config.encoding.module is new']


def test_code_is_what_numbers_go_through():
    sources = of()['sources']
    assert 'posbench/encodings/rotary.py' in sources and 'posbench/training/step.py' in sources
    assert not any(name.startswith('posbench/report/') for name in sources)
    many = of() | dict(sources=dict.fromkeys(sources, 'x'))
    assert origin.said(of(), many)[-1] == f'and {len(sources) - 3} more files'
