"""What ties knobs together: each rule is one sentence that names all of them.

What a group chooses decides which options it has, so that a rule about one of them asks whether it is there.
What needs the machine (do the axes of the mesh multiply to the devices?) is checked where the machine is known.
"""

import os
from collections.abc import Iterator
from typing import Any


def longest(config: dict[str, Any]) -> int:
    """The longest length that is asked for: of tasks on data the tokens of the longest sequence that a model ever sees.

    A task that makes its sequences itself may count other things (Task.tokens); what is too short for these is said
    where the task is known (training/fitting.py).
    """
    length, evaluate = config['train']['length'], config['evaluate']
    return max(length * max(evaluate['multiples']), length + evaluate['first_unseen'], *evaluate['lengths'])


def broken(
    config: dict[str, Any], traits: dict[str, Any], second_traits: dict[str, Any] | None = None
) -> Iterator[str]:
    """A sentence for each rule that a resolved config breaks, in the order of configs/default.py.

    `traits` are the class constants of the encoding: `even_width` and `even_head_width` mean what they say;
    `second_traits` are those of the encoding of the second phase.
    """
    yield from _task(config)
    yield from _positions(config)
    yield from _dataset(config['dataset'] or {})
    yield from _input(config['input'])
    yield from _model(config['model'])
    yield from _widths(config, 'encoding', traits)
    yield from _train(config['train'])
    yield from _optimizer(config['optimizer'], config['train']['steps'])
    yield from _second_phase(config, second_traits or {})
    yield from _evaluate(config)
    yield from _init(config['init'], config['train'])
    yield from _devices(config)


def broken_of_vectors(config: dict[str, Any]) -> Iterator[str]:
    """As `broken`, of a run of word vectors, in the order of configs/word_vectors.py."""
    yield from _dataset(config['dataset'])
    yield from _train(config['train'])
    yield from _seeds(config)


def _task(config: dict) -> Iterator[str]:
    length, stride = config['train']['length'], config['task'].get('stride')
    if stride is not None and stride > length:
        yield f'config.task.stride: got {stride}, wanted at most config.train.length, which is {length}'


def _positions(config: dict) -> Iterator[str]:
    reach = config['positions'].get('max_position')
    if reach is not None and config['dataset'] is not None and reach < longest(config):
        yield (
            f'config.positions.max_position: got {reach}, wanted at least {longest(config)}, the longest sequence that '
            f'{_asking(config)} ask for'
        )
    table = config['encoding'].get('max_position')
    if None not in (table, reach) and table != reach:
        yield (
            f'config.encoding.max_position: got {table}, wanted {reach}, which is config.positions.max_position, '
            'because distances are drawn up to there'
        )


def _asking(config: dict) -> str:
    """The knobs that say which lengths there are."""
    knobs = ['config.train.length', 'config.evaluate.multiples', 'config.evaluate.first_unseen']
    knobs += ['config.evaluate.lengths'] if config['evaluate']['lengths'] else []
    return f'{", ".join(knobs[:-1])} and {knobs[-1]}'


def _dataset(dataset: dict) -> Iterator[str]:
    name, folder = dataset.get('name'), dataset.get('folder')
    if name == 'folder' and 'folder' in dataset and folder is None:
        yield "config.dataset.folder: got None, wanted a path, because config.dataset.name is 'folder'"
    if name != 'folder' and folder is not None:
        yield f'config.dataset.folder: got {folder!r}, wanted None, because config.dataset.name is {name!r}'
    if folder is not None and not os.path.isdir(folder):
        yield f'config.dataset.folder: got {folder!r}, which is no folder on this machine'
    tokenizer, file = dataset.get('tokenizer'), dataset.get('tokenizer_file')
    if tokenizer == 'file' and file is None:
        yield "config.dataset.tokenizer_file: got None, wanted a path, because config.dataset.tokenizer is 'file'"
    if tokenizer != 'file' and file is not None:
        because = f'because config.dataset.tokenizer is {tokenizer!r}'
        yield f'config.dataset.tokenizer_file: got {file!r}, wanted None, {because}'
    if tokenizer == 'bpe' and dataset['vocabulary'] < 257:
        yield (
            f'config.dataset.vocabulary: got {dataset["vocabulary"]}, wanted at least 257 (256 bytes and the end of a '
            "document), because config.dataset.tokenizer is 'bpe'"
        )


def _input(layer: dict) -> Iterator[str]:
    """Options of an input layer that say something of a file of vectors, or of features, that there are not."""
    for name, off in (('unknown', 'drawn'), ('lowercase', True)):
        if layer.get('file', '') is None and layer[name] != off:
            yield f'config.input.{name}: got {layer[name]!r}, wanted {off!r}, because config.input.file is None'
    features, width = layer.get('features'), layer.get('feature_width', 32)
    if features != 'append' and width != 32:
        yield (
            f'config.input.feature_width: got {width}, wanted 32, which does nothing, because config.input.features is '
            f'{features!r}'
        )


def _model(model: dict) -> Iterator[str]:
    width, heads = model.get('width'), model.get('heads')
    if width and heads and width % heads:
        yield f'config.model.width: got {width}, wanted a multiple of config.model.heads, which is {heads}'


def _widths(config: dict, path: str, traits: dict) -> Iterator[str]:
    """What the encoding at `path` asks of the widths of the model."""
    width, heads = config['model'].get('width'), config['model'].get('heads')
    group = config
    for name in path.split('.'):
        group = group[name]
    because = f'because config.{path}.name is {group["name"]!r}'
    if traits.get('even_head_width') and width and heads and not width % heads and width // heads % 2:
        yield (
            f'config.model.width: got {width}, which is {width // heads} for each of config.model.heads = {heads}; '
            f'wanted an even head width, {because}'
        )
    if traits.get('even_width') and width and width % 2:
        yield f'config.model.width: got {width}, wanted an even width, {because}'


def _train(train: dict) -> Iterator[str]:
    call = train['steps_per_call']
    for name in ('evaluate_every', 'checkpoint_every'):
        if train[name] % call:
            yield (
                f'config.train.{name}: got {train[name]}, wanted a multiple of config.train.steps_per_call, '
                f'which is {call}'
            )


def _optimizer(optimizer: dict, steps: int) -> Iterator[str]:
    if optimizer['warmup_steps'] > steps:
        yield (
            f'config.optimizer.warmup_steps: got {optimizer["warmup_steps"]}, '
            f'wanted at most config.train.steps, which is {steps}'
        )


def _second_phase(config: dict, traits: dict) -> Iterator[str]:
    phase, steps, call = config['second_phase'], config['train']['steps'], config['train']['steps_per_call']
    name, module = phase['encoding']['name'], phase['encoding'].get('module')
    if name is None:
        if module is not None:
            yield f'config.second_phase.encoding.module: got {module!r}, wanted None, because its name is None'
        return
    yield from _widths(config, 'second_phase.encoding', traits)
    if phase['steps'] >= steps:
        yield f'config.second_phase.steps: got {phase["steps"]}, wanted below config.train.steps, which is {steps}'
    elif (steps - phase['steps']) % call:
        yield (
            f'config.second_phase.steps: got {phase["steps"]}, which leaves {steps - phase["steps"]} of '
            f'config.train.steps for the first phase; wanted a multiple of config.train.steps_per_call, which is {call}'
        )
    if phase['warmup_steps'] > phase['steps']:
        yield (
            f'config.second_phase.warmup_steps: got {phase["warmup_steps"]}, '
            f'wanted at most config.second_phase.steps, which is {phase["steps"]}'
        )


def _evaluate(config: dict) -> Iterator[str]:
    evaluate = config['evaluate']
    if config['dataset'] is not None and evaluate['batch_tokens'] < longest(config):
        yield (
            f'config.evaluate.batch_tokens: got {evaluate["batch_tokens"]}, wanted at least {longest(config)}, one '
            f'longest sequence by {_asking(config)}'
        )


def _init(init: dict, train: dict) -> Iterator[str]:
    if init['folder'] is None and init['take'] != ('*',):
        yield f"config.init.take: got {init['take']}, wanted ('*',), because config.init.folder is None"
    if init['folder'] is None and init['seed'] is not None:
        yield f'config.init.seed: got {init["seed"]}, wanted None, because config.init.folder is None'
    steps, patterns = init['first_steps'], init['freeze_at_first']
    if bool(steps) != bool(patterns):
        yield (
            f'config.init.first_steps: got {steps} with config.init.freeze_at_first = {patterns}, wanted both or '
            'neither: those patterns are frozen for so many steps'
        )
    if steps > train['steps']:
        yield f'config.init.first_steps: got {steps}, wanted at most config.train.steps, which is {train["steps"]}'


def _devices(config: dict) -> Iterator[str]:
    mesh, batch_size = config['mesh'], config['train']['batch_size']
    splits = (mesh['data'] or 1) * mesh['sequence']
    if batch_size % splits:
        of = 'config.mesh.data' if mesh['sequence'] == 1 else 'config.mesh.data times .sequence'
        yield f'config.train.batch_size: got {batch_size}, wanted a multiple of {of}, which is {splits}'
    yield from _seeds(config)
    if config['parallel'] == 'pmap' and mesh['model'] != 1:
        yield (
            f"config.mesh.model: got {mesh['model']}, wanted 1, because config.parallel is 'pmap' "
            '(one replica a device)'
        )
    if config['parallel'] == 'pmap' and (mesh['sequence'] != 1 or mesh['shard_parameters']):
        knob = 'shard_parameters' if mesh['shard_parameters'] else 'sequence'
        yield (
            f'config.mesh.{knob}: got {mesh[knob]}, wanted {1 if knob == "sequence" else False}, because '
            "config.parallel is 'pmap' (one replica a device)"
        )


def _seeds(config: dict) -> Iterator[str]:
    mesh, seeds = config['mesh'], config['seeds']
    if mesh['seed'] and len(seeds) % mesh['seed']:
        yield (
            f'config.mesh.seed: got {mesh["seed"]}, wanted a divisor of {len(seeds)}, '
            f'the number of seeds in config.seeds = {seeds}'
        )
