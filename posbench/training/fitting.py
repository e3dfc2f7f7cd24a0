"""Whether the parts of a run of a model fit together: asked before anything is compiled, said in one line."""

import difflib

import jax

from posbench import positions
from posbench.encodings import base as encodings
from posbench.models.model import Model
from posbench.models.transformer import Transformer
from posbench.tasks import base
from posbench.training import init
from posbench.training.settings import Init


def check(model: Model, task: base.Task, batch: base.Batch) -> None:
    """ValueError, one line, where the parts of a model are not for what the task gives and wants."""
    reads = 'tokens' if 'inputs_BL' in batch else 'vectors'
    if model.input_layer.reads != reads:
        raise ValueError(f'config.input.name: got one that reads {model.input_layer.reads}, wanted one for {reads}')
    if 'features_BL' in batch and not model.input_layer.wants_features:
        raise ValueError("config.input.features: got None, wanted 'add' or 'append', because the task gives tags")
    if model.head.says != task.says:
        raise ValueError(f'config.head.name: got one that says {model.head.says}, wanted one for {task.says}')
    if model.body.reads_source != ('source_BM' in batch):
        got = 'two sequences' if model.body.reads_source else 'one sequence'
        wanted = 'two' if 'source_BM' in batch else 'one'
        raise ValueError(f'config.model.name: got one that reads {got}, wanted one that reads {wanted}')
    if task.next_token and not model.body.causal:
        raise ValueError(
            "config.model.name: got an encoder, wanted 'decoder', because the task asks for the next token, which an "
            'encoder would see'
        )


def check_sequence(model: Model, task: base.Task) -> None:
    """ValueError, one line, for a model and a task whose sequences several devices cannot share."""
    because = None
    if not isinstance(model.body, Transformer):
        because = 'a decoder or an encoder alone can be split over tokens'
    elif task.generates:
        because = 'the task is decoded token by token'
    elif not model.body.causal and model.encoding.has('first_carry'):
        because = (
            'the encoding carries sums from the last key to the first, and in an encoder no device may begin there'
        )
    if because:
        raise ValueError(f'config.mesh.sequence: got more than 1, wanted 1, because {because}')


def check_sizes(
    model: Model,
    task: base.Task,
    position_map: positions.PositionMap,
    *,
    length: int,
    longest: int,
    batch_tokens: int,
    where: str,
) -> None:
    """ValueError where the tokens of the longest sequence that is scored are more than a knob allows.

    length, longest: what is asked of a training sequence, and of the longest one that is scored, as the task counts.
    where: the path of the encoding's knobs.
    """
    tokens = task.tokens(longest)
    because = (
        'for the longest sequence that config.train.length, config.evaluate.multiples and config.evaluate.first_unseen '
        f'ask for, which has {tokens} tokens'
    )
    if batch_tokens < tokens:
        raise ValueError(f'config.evaluate.batch_tokens: got {batch_tokens}, wanted at least {tokens}, {because}')
    drawn_from = dict(position_map.options).get('max_position')
    if drawn_from is not None and drawn_from < tokens:
        raise ValueError(f'config.positions.max_position: got {drawn_from}, wanted at least {tokens}, {because}')
    reaches = position_map.reach(tokens, train=False), position_map.reach(task.tokens(length), train=True)
    if None in reaches:
        return
    # [CLS] moves the others up by one.
    reach = max(reaches) + model.head.wants_first
    tables = {f'{where}.{path}': most for path, most in ends(model.encoding).items()}
    tables |= {f'config.input.combine.{path}': most for path, most in model.input_layer.combination().ends().items()}
    for path, most in tables.items():
        if most < reach:
            name = position_map.function.__name__
            raise ValueError(f'{path}: got {most}, wanted at least {reach}, as far as {name} positions go {because}')


def ends(encoding: encodings.PositionEncoding) -> dict[str, int]:
    """Where tables end past which an encoding or a part of it says no number, by the path of the option.

    These are the options `max_length` beside which `out_of_range` is 'nan'.
    """
    found = {'max_length': encoding.max_length} if getattr(encoding, 'out_of_range', None) == 'nan' else {}
    parts = encoding.parts().items()
    return found | {f'{name}.{path}': most for name, part in parts for path, most in ends(part).items()}


def check_patterns(patterns: Init, states: list) -> None:
    """ValueError where a pattern of config.init fits no parameter of these states, of every phase one, or all of them
    are frozen.
    """
    paths = list(dict.fromkeys(path for state in states for path in init.leaves_of(state)))
    for knob in ('take', 'freeze', 'freeze_at_first'):
        for pattern in getattr(patterns, knob):
            if not any(init.fits(path, [pattern]) for path in paths):
                near = difflib.get_close_matches(pattern, paths, n=1, cutoff=0.3)
                hint = f'; one is {near[0]!r}' if near else ''
                raise ValueError(f'config.init.{knob}: got {pattern!r}, wanted a pattern of parameters{hint}')
    if not all(jax.tree.leaves(state.params) for state in states):
        raise ValueError('config.init.freeze: got patterns of every parameter, wanted some that are trained')
