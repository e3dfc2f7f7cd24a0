"""The atlas: what every encoding there is looks like, and its facts, as plain rows in atlas.json. A report draws it."""

import ast
import functools
import json
import multiprocessing
import pathlib
import sys
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

import posbench
from posbench import encodings
from posbench.atlas import mechanism, probing, views
from posbench.encodings import base
from posbench.files import write_atomically
from posbench.knobs import annotations, declared, forms, rules, schema, user_file
from posbench.knobs.kinds import UsageError
from posbench.models import attention

NAME = 'atlas.json'
CONFIGS = pathlib.Path(__file__).parents[2] / 'configs'
RANDOM = 0.3  # standard deviation of parameters where the initial ones do nothing
SAME = 0.002  # log10 weights that differ by no more are the same


def write(
    folder: pathlib.Path,
    config=None,
    config_name: str | None = None,
    *,
    names: list[str] | None = None,
    processes: int = 1,
    quiet: bool = True,
) -> None:
    """Writes atlas.json, with the encoding of a resolved `config` too if there is one.

    `names` are those of the package that are wanted; None: all. `processes` share them: nearly all of the time is that
    of one compiler after the other. An encoding of the package that fails has a row that says so; UsageError where it
    is the encoding of `config`, or where the folder holds something else.
    """
    names = encodings.names() if names is None else names
    open_folder(folder)
    default = schema.load(CONFIGS / 'default.py').to_dict()
    used, problems = configs(CONFIGS)
    chosen = [(name, dict(name=name, module=None)) for name in names]
    if config is not None:
        own = config.to_dict()['encoding']
        title = own['name'] if own['module'] else config_name
        # The first to be drawn, because all the others take minutes, and the last on the page.
        chosen.insert(0, (title if title not in names else f'{title} of {config_name}', own))
    found = []
    all_made = _each(functools.partial(_row_or_error, default=default), chosen, processes)
    for (title, encoding), made in zip(chosen, all_made):
        if not quiet:
            print(f'[{len(found) + 1}/{len(chosen)}] {title}', file=sys.stderr, flush=True)
        if 'error' in made and config is not None and not found:
            raise UsageError(f'config.encoding: {title} cannot be drawn: {made["error"]}')
        found.append(made | ({} if 'error' in made else dict(configs=_of(encoding['name'], used))))
    if config is not None:
        found.append(found.pop(0))
    model = {name: default['model'][name] for name in ('width', 'heads', 'layers')}
    length = dict(train_length=default['train']['length'], longest=rules.longest(default))
    item = dict(version=posbench.__version__, **model, **length, encodings=found, problems=problems)
    write_atomically(folder / NAME, json.dumps(item, allow_nan=False))


def _each(function, chosen: list, processes: int) -> Iterator[dict]:
    """What `function` makes of each, in their order."""
    if processes == 1:
        yield from map(function, chosen)
        return
    # Not forked: threads of jax do not live on in a fork.
    with multiprocessing.get_context('spawn').Pool(min(processes, len(chosen))) as pool:
        yield from pool.imap(function, chosen)


def _row_or_error(title_and_encoding: tuple[str, dict], default: dict) -> dict:
    """An encoding that somebody is still writing hides none of the others."""
    title, encoding = title_and_encoding
    try:
        return row(title, encoding, default)
    except Exception as error:
        own = user_file.modules(dict(encoding=encoding))
        return dict(name=title, error=user_file.blame(error, own) or user_file.sentence(error))


def open_folder(folder: pathlib.Path) -> None:
    """Makes the folder. UsageError if it cannot be made, or holds anything and no atlas."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / NAME).exists():
            raise UsageError(f'--workdir: got {str(folder)!r}, wanted an empty folder or one of an earlier atlas')
    except OSError as error:
        raise UsageError(f'--workdir: {str(folder)!r} cannot be used: {error.strerror}') from None


def configs(folder: pathlib.Path) -> tuple[list[dict], list[str]]:
    """Every variant in a folder of configs, with what it is about; and a line for each file that cannot be read."""
    found, problems, usual = [], [], {}
    for path in sorted(folder.glob('*.py')):
        if path.stem in ('__init__', 'default'):
            continue
        try:
            config = schema.load(path).to_dict()
            if forms.of(config) is not forms.MODEL:
                continue
            name = config['encoding']['name']
            if name not in usual:
                usual[name] = schema.resolve(dict(config, encoding={'name': name})).to_dict()['encoding']
        except UsageError as error:
            problems.append(f'configs/{path.name}: {error}')
            continue
        second = config['second_phase']
        ours, theirs = dict(_flat(config['encoding'])), dict(_flat(usual[name]))
        changes = {path: value for path, value in ours.items() if value != theirs.get(path, path)}
        found.append(
            dict(
                name=path.stem,
                about=ast.get_docstring(ast.parse(path.read_bytes())) or '',
                encodings=[*_names(config['encoding']), *_names(second['encoding'])],
                then=_second_phase(second),
                changes={path: str(value) for path, value in changes.items() if not path.endswith('module')},
                positions=_positions(config['positions']),
            )
        )
    return found, problems


def row(title: str, encoding: dict, default: dict) -> dict:
    """Facts and pictures of one encoding, at the size of the default model: plain JSON."""
    model, longest = default['model'], rules.longest(default)
    whole = encodings.build(**encoding).sized(model['width'], model['heads'])
    # Layers may be of several kinds; each has its pictures.
    kinds = {name: part for part, name in (whole.at(place) for place in range(whole.period))}
    drawn, parameters = [], None
    for name, part in kinds.items():
        found, drawn_with = pictures(part, longest)
        drawn += [dict(view, part=name) for view in found]
        parameters = drawn_with if parameters != 'random' else parameters
    bound = whole.with_params(whole.init_params(jax.random.key(0)))
    return dict(
        name=title,
        encoding=encoding['name'],
        group=mechanism.group(bound),
        documentation=_documentation(sys.modules[type(whole).__module__]),
        formula=_documentation(type(whole)),
        options=_options(encoding),
        claims=mechanism.claims(whole),
        hooks=mechanism.hooks(whole),
        params=parameter_count(whole, model['layers']),
        cost=cost(whole, default['train']['length']),
        parameters=parameters,
        views=drawn,
    )


def pictures(encoding: base.PositionEncoding, longest: int) -> tuple[list[dict], str | None]:
    """What it looks like, and with which parameters: 'initial', 'random' where those do nothing; None has none."""
    params = encoding.init_params(jax.random.key(0))
    found = list(views.each(encoding.with_params(params), longest))
    if not jax.tree.leaves(params):
        return found, None
    if not _idle(found, encoding, longest):
        return found, 'initial'
    return list(views.each(encoding.with_params(shaken(params)), longest)), 'random'


def shaken(params: dict) -> dict:
    """Parameters with normal noise, the same on every machine."""
    leaves, tree = jax.tree.flatten(params)
    rng = np.random.default_rng(0)
    return jax.tree.unflatten(tree, [leaf + RANDOM * rng.normal(size=leaf.shape).astype(leaf.dtype) for leaf in leaves])


def parameter_count(encoding: base.PositionEncoding, layers: int) -> int:
    """Trained numbers that a model of so many layers has more than without it."""

    def count(part, half):
        halves = jax.eval_shape(lambda rng: part.split(part.init_params(rng)), rng)
        return sum(leaf.size for leaf in jax.tree.leaves(halves[half]))

    rng = jax.random.key(0)
    parts = [encoding.at(layer)[0] for layer in range(layers)]
    return count(encoding, 0) + sum(count(part, 1) for part in parts if part.owns_parameters())


def cost(encoding: base.PositionEncoding, length: int) -> dict:
    """Arithmetic and memory traffic of one layer's attention, as multiples of those without an encoding.

    Of the compiled forward pass over one sequence, projections and what is done below the first layer included; of
    several kinds of layers, the mean.
    """
    parts = dict(reversed(encoding.at(place)) for place in range(encoding.period))
    costs = {name: np.array(_compiled_cost(part, length)) for name, part in parts.items()}
    mean = np.mean([costs[encoding.at(place)[1]] for place in range(encoding.period)], axis=0)
    arithmetic, traffic = mean / _cost_of_nothing(encoding.width, encoding.heads, length)
    return dict(arithmetic=round(float(arithmetic), 3), traffic=round(float(traffic), 3))


@functools.cache
def _cost_of_nothing(width: int, heads: int, length: int) -> np.ndarray:
    return np.array(_compiled_cost(base.PositionEncoding().sized(width, heads), length))


def _compiled_cost(encoding: base.PositionEncoding, length: int) -> tuple[float, float]:
    # Known to the compiler, as are those of a program that never packs; else it counts branches for all others.
    pos_BL = probing.lifted(encoding, jnp.arange(length, dtype=jnp.int32)[None])

    def layer(params, x_BLD, in_DHK, out_HKD):
        bound, order = encoding.with_params(params), attention.sequence_order(length)
        if encoding.has('embed'):
            x_BLD = bound.embed(x_BLD, pos_BL)
        if encoding.has('enter'):
            x_BLD = bound.enter(x_BLD, x_BLD, pos_BL, order, order, jnp.int32(0))
        q_BLHK, k_BLHK, v_BLHK = (jnp.einsum('BLD,DHK->BLHK', x_BLD, weights) for weights in in_DHK)
        aux = probing.aux_of(bound, x_BLD, pos_BL)
        places = dict(pos_q_BL=pos_BL, pos_k_BM=pos_BL, aux_q=aux, aux_k=aux)
        out_BLHK = attention.attend(q_BLHK, k_BLHK, v_BLHK, encoding=bound, **places)
        return jnp.einsum('BLHK,HKD->BLD', out_BLHK, out_HKD)

    rng, per_head = jax.random.key(0), (encoding.heads, encoding.head_width)
    params = jax.eval_shape(encoding.init_params, rng)
    shapes = [(1, length, encoding.width), *[(encoding.width, *per_head)] * 3, (*per_head, encoding.width)]
    x, *in_DHK, out = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)
    found = jax.jit(layer).lower(params, x, in_DHK, out).compile().cost_analysis()
    return found['flops'] + found.get('transcendentals', 0.0), found['bytes accessed']


@functools.cache
def _attention_of_nothing(width: int, heads: int, longest: int) -> np.ndarray:
    return np.asarray(views.random_attention(base.PositionEncoding().sized(width, heads), longest)['heads'])


def _idle(found: list[dict], encoding: base.PositionEncoding, longest: int) -> bool:
    """Whether nothing in these pictures differs from what there is without an encoding."""
    *others, last = found
    lines = [view.get('heads') or list((view.get('curves') or view.get('maps') or {}).values()) for view in others]
    nothing_HN = _attention_of_nothing(encoding.width, encoding.heads, longest)
    flat = all(np.ptp(line) < 1e-6 for some in lines for line in some)
    same = np.shape(last['heads']) == nothing_HN.shape and np.abs(np.asarray(last['heads']) - nothing_HN).max() < SAME
    return flat and bool(same)


def _documentation(thing) -> str:
    """A docstring without its indentation; '' for the signature that dataclasses write where there is none."""
    text = thing.__doc__ or ''
    return '' if text.startswith('Encoding(') else '\n'.join(line.strip() for line in text.strip().splitlines())


def _options(encoding: dict) -> list[dict]:
    found = []
    for name, option in declared.options('encoding', encoding['name'], encoding['module']).items():
        is_nested, value = option.knob is annotations.NESTED, encoding.get(name, option.default)
        inner = value.get('name') if isinstance(value, dict) else value
        found.append(
            dict(
                name=name,
                value='none' if value is declared.REQUIRED else str(inner if is_nested else value),
                allowed='the name of an encoding' if is_nested else option.knob.wanted,
            )
        )
    return found


def _of(name: str, used: list[dict]) -> list[dict]:
    """The configs that use an encoding, those that are about it first."""
    ours = [dict(config, inside=config['encodings'][0] != name) for config in used if name in config['encodings']]
    return sorted(ours, key=lambda config: config['inside'])


def _positions(chosen: dict) -> str:
    """A position map, and those of its options that are not the usual ones."""
    options = declared.options('positions', chosen['name'], chosen['module'])
    changes = [f'{name}={chosen[name]}' for name, option in options.items() if chosen[name] != option.default]
    return chosen['name'] + (f' ({", ".join(changes)})' if changes else '')


def _second_phase(chosen: dict) -> str:
    """What the last steps of a run have instead; '' where all steps are alike."""
    name = chosen['encoding']['name']
    return '' if name is None else f'the last {chosen["steps"]} steps with encoding {name}'


def _names(encoding: dict) -> Iterator[str]:
    """Of an encoding and those inside it, if there is one."""
    if encoding['name'] is not None:
        yield encoding['name']
    for value in encoding.values():
        if isinstance(value, dict):
            yield from _names(value)


def _flat(tree: dict, path: str = '') -> Iterator[tuple[str, object]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _flat(value, f'{path}{name}.')
        else:
            yield path + name, value
