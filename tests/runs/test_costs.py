"""What a study would cost: the formulas of --mode=params, summed over steps, seeds and runs."""

import pytest

import launch
from posbench.devices import host
from posbench.knobs import schema
from posbench.runs import costs, plan
from posbench.training import job, parameters

STUDY = """
from posbench.runs import grids

def runs(scale):
    knobs = {'seeds': '0,1', 'train.steps': dict(mini=100, full=1000)[scale], 'train.length': 8, 'train.batch_size': 4,
             'optimizer.warmup_steps': 5, 'model.layers': 2, 'model.width': 16, 'model.heads': 2, 'model.hidden': 32}
    levels = dict(rope={'encoding.name': 'rotary'}, far={'encoding.name': 'rotary', 'evaluate.multiples': '1,8'})
    return grids.runs(grids.choice('encoding', levels), 'configs/tasks/flip_flop.py', knobs)
"""


@pytest.fixture
def printed(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(host, 'prepare', lambda devices: None)
    (tmp_path / 'small.py').write_text(STUDY)

    def command(*flags) -> str:
        assert launch.main([f'--experiment={tmp_path}/small.py', '--dry_run', f'--workdir={tmp_path}/w', *flags]) == 0
        assert not (tmp_path / 'w').exists()
        return capsys.readouterr().out

    return command


def test_a_dry_run_at_a_scale_says_what_all_runs_cost_and_trains_what_differs_in_evaluation_once(printed):
    config = schema.load(
        'configs/tasks/flip_flop.py', {'model.layers': 2, 'model.width': 16, 'model.heads': 2, 'model.hidden': 32}
    )
    params, _ = job.from_config(config, 'x').parameter_counts()
    tokens = 2 * 1000 * 4 * 8
    flops = tokens * (6 * params + 12 * 2 * 8 * 16)
    said = ' '.join(printed('--scale=full').split())
    assert 'An estimate: 2 runs, 1,000 steps, 6.4e04 tokens, ' in said
    assert f'{flops:.3g} FLOP; '.replace('e+', 'e') in said
    assert f'{flops / 1e14 / 3600:.2g} device-hours at 1e14 FLOP/s' in said
    assert 'as rope, not again' in said and f'{params:,}' in said
    assert 'An estimate' not in printed()


def test_word_vectors_and_data_that_is_not_there_are_not_counted(tmp_path):
    def of(config, **knobs):
        return costs.of(plan.Planned('x', tmp_path, [], schema.load(config, knobs)))

    assert of('configs/skipgram.py').flops is None
    lacking = of('configs/rope.py', **{'dataset.name': 'folder', 'dataset.folder': str(tmp_path)})
    assert (lacking.steps, lacking.flops) == (1000, None) and str(tmp_path) in lacking.why


def test_a_text_that_has_yet_to_be_fetched_is_counted_on_the_novels(tmp_path, monkeypatch):
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path))
    knobs = {'train.length': 32, 'model.layers': 1}

    def of(**more):
        return costs.of(plan.Planned('x', tmp_path, [], schema.load('configs/rope.py', knobs | more)))

    lacking, novels = of(**{'dataset.name': 'wiki40b/en'}), of()
    assert lacking[:-1] == novels[:-1] and lacking.flops > 0
    assert lacking.why == 'on the novels in 1,024 tokens: wiki40b/en is not here'
    unknown = of(**{'dataset.name': 'wiki40c/en'})
    assert unknown.flops is None and 'did you mean' in unknown.why


def test_a_step_is_counted_in_places_of_its_sequences(monkeypatch):
    config = schema.load('configs/tasks/flip_flop.py', {'train.length': 8, 'train.batch_size': 4, 'model.layers': 1})
    one = job.from_config(config, 'x')
    monkeypatch.setattr(type(one.task), 'tokens', lambda self, length: 3 * length)
    found = parameters.cost(one)
    assert found.tokens == 4 * 24 and found.flops == 4 * 24 * (6 * found.parameters + 12 * 24 * config.model.width)
