# ruff: noqa: E501 - an expected message stays in one piece.
import pytest

from configs import default
from posbench.knobs import rules, schema
from posbench.knobs.kinds import UsageError
from tests import small_package


@pytest.fixture
def load(tmp_path):
    return small_package.loader(tmp_path)


SECOND = {'second_phase.encoding.name': 'plain'}
BROKEN_RULES = [
    ({'model.width': 130}, 'config.model.width: got 130, wanted a multiple of config.model.heads, which is 4'),
    ({'model.width': 132}, "config.model.width: got 132, which is 33 for each of config.model.heads = 4; wanted an even head width, because config.encoding.name is 'turn'"),
    ({'encoding.name': 'turn_more', 'model.width': 33, 'model.heads': 1}, "config.model.width: got 33, which is 33 for each of config.model.heads = 1; wanted an even head width, because config.encoding.name is 'turn_more'"),
    ({'train.evaluate_every': 60}, 'config.train.evaluate_every: got 60, wanted a multiple of config.train.steps_per_call, which is 25'),
    ({'train.checkpoint_every': 60}, 'config.train.checkpoint_every: got 60, wanted a multiple of config.train.steps_per_call, which is 25'),
    ({'optimizer.warmup_steps': 1001}, 'config.optimizer.warmup_steps: got 1001, wanted at most config.train.steps, which is 1000'),
    ({**SECOND, 'second_phase.steps': 1000}, 'config.second_phase.steps: got 1000, wanted below config.train.steps, which is 1000'),
    ({**SECOND, 'second_phase.steps': 120}, 'config.second_phase.steps: got 120, which leaves 880 of config.train.steps for the first phase; wanted a multiple of config.train.steps_per_call, which is 25'),
    ({**SECOND, 'second_phase.warmup_steps': 126}, 'config.second_phase.warmup_steps: got 126, wanted at most config.second_phase.steps, which is 125'),
    ({'encoding.name': 'plain', 'model.width': 132, 'second_phase.encoding.name': 'turn'}, "config.model.width: got 132, which is 33 for each of config.model.heads = 4; wanted an even head width, because config.second_phase.encoding.name is 'turn'"),
    ({'task.stride': 129}, 'config.task.stride: got 129, wanted at most config.train.length, which is 128'),
    ({'evaluate.batch_tokens': 1023}, 'config.evaluate.batch_tokens: got 1023, wanted at least 1024, one longest sequence by config.train.length, config.evaluate.multiples and config.evaluate.first_unseen'),
    ({'evaluate.batch_tokens': 128, 'evaluate.multiples': '1'}, 'config.evaluate.batch_tokens: got 128, wanted at least 129, one longest sequence by config.train.length, config.evaluate.multiples and config.evaluate.first_unseen'),
    ({'evaluate.lengths': '9000'}, 'config.evaluate.batch_tokens: got 8192, wanted at least 9000, one longest sequence by config.train.length, config.evaluate.multiples, config.evaluate.first_unseen and config.evaluate.lengths'),
    ({'positions.name': 'drawn', 'positions.max_position': 1023}, 'config.positions.max_position: got 1023, wanted at least 1024, the longest sequence that config.train.length, config.evaluate.multiples and config.evaluate.first_unseen ask for'),
    ({'dataset.vocabulary': 256}, "config.dataset.vocabulary: got 256, wanted at least 257 (256 bytes and the end of a document), because config.dataset.tokenizer is 'bpe'"),
    ({'dataset.name': 'folder'}, "config.dataset.folder: got None, wanted a path, because config.dataset.name is 'folder'"),
    ({'dataset.folder': '/'}, "config.dataset.folder: got '/', wanted None, because config.dataset.name is 'austen'"),
    ({'dataset.name': 'folder', 'dataset.folder': '/dev/null'}, "config.dataset.folder: got '/dev/null', which is no folder on this machine"),
    ({'dataset.tokenizer': 'file'}, "config.dataset.tokenizer_file: got None, wanted a path, because config.dataset.tokenizer is 'file'"),
    ({'dataset.tokenizer_file': '/t.json'}, "config.dataset.tokenizer_file: got '/t.json', wanted None, because config.dataset.tokenizer is 'bpe'"),
    ({'init.take': 'a/*'}, "config.init.take: got ('a/*',), wanted ('*',), because config.init.folder is None"),
    ({'init.first_steps': 5}, 'config.init.first_steps: got 5 with config.init.freeze_at_first = (), wanted both or neither: those patterns are frozen for so many steps'),
    ({'init.freeze_at_first': 'a/*'}, "config.init.first_steps: got 0 with config.init.freeze_at_first = ('a/*',), wanted both or neither: those patterns are frozen for so many steps"),
    ({'init.freeze_at_first': '*', 'init.first_steps': 1001}, 'config.init.first_steps: got 1001, wanted at most config.train.steps, which is 1000'),
    ({'mesh.data': 3}, 'config.train.batch_size: got 16, wanted a multiple of config.mesh.data, which is 3'),
    ({'mesh.data': 2, 'mesh.sequence': 3}, 'config.train.batch_size: got 16, wanted a multiple of config.mesh.data times .sequence, which is 6'),
    ({'parallel': 'pmap', 'mesh.sequence': 2}, "config.mesh.sequence: got 2, wanted 1, because config.parallel is 'pmap' (one replica a device)"),
    ({'parallel': 'pmap', 'mesh.shard_parameters': 'true'}, "config.mesh.shard_parameters: got True, wanted False, because config.parallel is 'pmap' (one replica a device)"),
    ({'mesh.seed': 2, 'seeds': '0,1,2'}, 'config.mesh.seed: got 2, wanted a divisor of 3, the number of seeds in config.seeds = (0, 1, 2)'),
    ({'parallel': 'pmap', 'mesh.model': 2}, "config.mesh.model: got 2, wanted 1, because config.parallel is 'pmap' (one replica a device)"),
]  # fmt: skip


@pytest.mark.parametrize(('overrides', 'line'), BROKEN_RULES)
def test_knobs_that_contradict_each_other_are_named_together(load, overrides, line):
    with pytest.raises(UsageError) as error:
        load(**overrides)
    assert str(error.value) == line


def test_an_even_width_is_asked_for_by_the_encoding_alone(tmp_path):
    config = schema.resolve(
        {
            **default.get_config().to_dict(),
            'positions': {'name': 'in_order'},
            'encoding': {'name': 'plain'},
        },
        {'model.width': 33, 'model.heads': 1},
        package=small_package.write(tmp_path),
    )
    assert list(rules.broken(config.to_dict(), {})) == []
    assert list(rules.broken(config.to_dict(), {'even_width': True})) == [
        "config.model.width: got 33, wanted an even width, because config.encoding.name is 'plain'"
    ]


def test_positions_are_drawn_as_far_as_the_encoding_counts():
    config = {**default.get_config().to_dict(), 'positions': {'name': 'randomized_distances', 'max_position': 4096}}
    config['encoding'] = {'name': 'randomized_relative_as_released', 'module': None, 'max_position': 4096}
    assert list(rules.broken(config, {})) == []
    config['encoding']['max_position'] = 2048
    assert list(rules.broken(config, {})) == [
        'config.encoding.max_position: got 2048, wanted 4096, which is config.positions.max_position, because distances '
        'are drawn up to there'
    ]


@pytest.mark.parametrize(
    'overrides',
    [
        {'evaluate.batch_tokens': 128, 'evaluate.multiples': '1', 'evaluate.first_unseen': 'false'},
        {'positions.name': 'drawn', 'positions.max_position': 1024},
        {'dataset.vocabulary': 256, 'dataset.tokenizer': 'bytes'},
        {'dataset.name': 'folder', 'dataset.folder': '/'},
        {'train.batch_size': 33, 'mesh.data': 3},
        {'seeds': '0,1,2,3', 'mesh.seed': 2},
        {'optimizer.warmup_steps': 1000},
        {'task.stride': 128},
        {**SECOND, 'second_phase.steps': 975, 'second_phase.warmup_steps': 975},
        {'second_phase.steps': 1001},
        {'init.freeze_at_first': 'a/*,b', 'init.first_steps': 1000},
        {'init.freeze': '', 'init.take': '()', 'init.folder': '/'},
        {'dataset.tokenizer': 'file', 'dataset.tokenizer_file': 'tokenizer.json'},
        {'model.name': 'lstm', 'model.width': 33},
        {'task.name': 'symbols/count'},
    ],
)
def test_what_just_fits_is_allowed(load, overrides):
    load(**overrides)
