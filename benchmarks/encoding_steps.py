"""Training-step time of every config beside the one without an encoding, pair by pair in one process.

    python -m benchmarks.encoding_steps [--length=512] [--rounds=7] [--write] [CONFIG ...]

The main job's model and optimizer on random tokens, 2,048 tokens a step. Each round times a few steps without an
encoding and then a few with one, so that a machine that is busy is busy for both; the figure is the median of the
ratios, with its 95 % interval. Biases and rotations by positions alone promise at most 1.15, gates of content at most
1.5; while the interval holds the bound there are more rounds, up to five times as many, and then the median decides.
The others are reported. `--write` puts the table into benchmarks/encoding_steps.md.
"""

import argparse
import pathlib
import statistics
import time
import types

from posbench.devices import host

host.prepare()

import jax  # noqa: E402 (the devices are counted when jax is imported)
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402
from scipy import stats  # noqa: E402

from posbench import positions  # noqa: E402
from posbench.devices import parallel  # noqa: E402
from posbench.knobs import forms, schema  # noqa: E402
from posbench.models import build, kernels  # noqa: E402
from posbench.tasks.text import language_model  # noqa: E402
from posbench.training import step  # noqa: E402

ROOT = pathlib.Path(__file__).parents[1]
TABLE = ROOT / 'benchmarks' / 'encoding_steps.md'
TOKENS, VOCABULARY, STEPS = 2048, 1024, 2
# By what the encoding does.
ALLOWED = {'a bias or a rotation': 1.15, 'a gate': 1.5}
# Times as many rounds where the first ones do not tell on which side of the bound the median is.
MOST = 5


class Subject:
    """One config, compiled, with its own state."""

    def __init__(self, name: str, length: int):
        config = schema.load(ROOT / 'configs' / f'{name}.py')
        self.name, batch_size = name, TOKENS // length
        task = types.SimpleNamespace(vocabulary=VOCABULARY, classes=None, features=None)
        model = build.from_config(config, task, platform=jax.default_backend())
        position_map = positions.build(**config.positions)
        optimizer, layout = optax.adamw(1e-3), parallel.layout('jit', seeds=1, batch_size=batch_size)
        task = language_model.Task(np.random.default_rng(0).integers(0, VOCABULARY, 100_000).astype(np.int32))
        key = jax.random.key(0)

        def init(seed):
            example = step.with_positions(task.sample(key, batch_size, length), position_map, key, train=True)
            return step.init_state(model, optimizer, seed, example)

        state = parallel.place_state(jax.jit(jax.vmap(init))(jnp.arange(1)), layout)
        steps = step.make_steps(model, optimizer, position_map, batch_size=batch_size, length=length, most=STEPS)
        compiled = parallel.compile_steps(steps, layout, jax.eval_shape(lambda: state))
        self.source = parallel.place(step.Feed(task), layout)
        begun = time.perf_counter()
        self.program = compiled.lower(state, self.source, jnp.int32(STEPS)).compile()
        self.compile_seconds = time.perf_counter() - begun
        self.state, self.kind = state, kind(model.body.sized_encoding())
        self.parameters = sum(
            leaf.size
            for path, leaf in jax.tree.leaves_with_path(state.params)
            if any(entry.key == 'position_encoding' for entry in path)
        )
        self.seconds()

    def seconds(self) -> float:
        """Of one step."""
        begun = time.perf_counter()
        self.state, metrics = jax.block_until_ready(self.program(self.state, self.source, jnp.int32(STEPS)))
        if not np.isfinite(parallel.to_host(metrics)['loss']).all():
            raise RuntimeError(f'{self.name}: the loss is not finite')
        return (time.perf_counter() - begun) / STEPS


def kind(encoding) -> str:
    """Which promise of speed an encoding is under."""
    beyond = any(map(encoding.has, ('product', 'value', 'finish'))) or encoding.halo or encoding.normaliser != 'softmax'
    # Wider queries and keys make their product dearer.
    if beyond or kernels.rotated_width(encoding) > encoding.head_width:
        return 'other'
    if encoding.has('aux') or encoding.needs_causal:
        return 'a gate' if encoding.has('aux') and encoding.has('score') else 'other'
    if encoding.has('score') or encoding.has('enter'):
        return 'other'
    return 'a bias or a rotation' if encoding.has('bias') or encoding.has('rotate') else 'the input'


def measured(plain: Subject, subject: Subject, rounds: int, allowed: float | None) -> list[tuple[float, float]]:
    """Seconds of a step (without an encoding, with it) of each round."""
    pairs = []
    for _ in range(MOST):
        pairs += [(plain.seconds(), subject.seconds()) for _ in range(rounds)]
        low, high = interval([with_it / without for without, with_it in pairs])
        if allowed is None or not low <= allowed <= high:
            break
    return pairs


def interval(ratios: list[float]) -> tuple[float, float]:
    """Of 95 % or more for the median, from the order of the values alone; without an end where they are too few."""
    low, high = stats.quantile_test(ratios, p=0.5).confidence_interval(0.95)
    return np.nan_to_num(low, nan=-np.inf), np.nan_to_num(high, nan=np.inf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = forms.names(forms.MODEL, ROOT / 'configs')
    parser.add_argument('configs', nargs='*', default=names)
    parser.add_argument('--length', type=int, default=512)
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--write', action='store_true')
    flags = parser.parse_args()
    plain = Subject('none', flags.length)
    lines = [
        '| config | kind | ms a step | beside `none` | 95 % | rounds | promise | parameters | compiling, s |\n'
        '| --- | --- | ---: | ---: | --- | ---: | --- | ---: | ---: |'
    ]
    verdicts = {'kept': [], 'BROKEN': []}
    for name in flags.configs:
        subject = Subject(name, flags.length)
        allowed = ALLOWED.get(subject.kind)
        pairs = measured(plain, subject, flags.rounds, allowed)
        ratios = [with_it / without for without, with_it in pairs]
        ratio, (low, high) = statistics.median(ratios), interval(ratios)
        milliseconds = statistics.median(with_it for _, with_it in pairs) * 1e3
        verdict = ''
        if allowed is not None:
            verdict = 'kept' if ratio <= allowed else 'BROKEN'
            verdicts[verdict].append(name)
            verdict = f'{verdict} (at most {allowed})'
        lines.append(
            f'| {name} | {subject.kind} | {milliseconds:.0f} | {ratio:.3f} | {low:.2f} to {high:.2f} | {len(pairs)} '
            f'| {verdict} | {subject.parameters:,} | {subject.compile_seconds:.1f} |'
        )
        print(lines[-1], flush=True)
        del subject
    counts = f'{len(verdicts["kept"])} promises kept, {len(verdicts["BROKEN"])} BROKEN'
    lines.append('\n' + ': '.join([counts, *([', '.join(verdicts['BROKEN'])] if verdicts['BROKEN'] else [])]) + '.')
    print(lines[-1])
    if flags.write:
        title = f'Written by `python -m benchmarks.encoding_steps --length={flags.length} --write`.'
        TABLE.write_text('\n'.join([title, '', *lines, '']), 'utf-8')


if __name__ == '__main__':
    main()
