"""A GPU: losses of every config beside the host's CPU, speed beside PyTorch, memory, the mini benchmark. No network.

    python -m benchmarks.gpu [--jobs=8] [--seconds=330] [--write] [CONFIG ...]

Five steps of a small model (width 64, four heads, 64 tokens, batch 8) of each config, on a text of random tokens.
float32 uses whole float32 products on the GPU too, and its losses have to be those of the CPU to a relative 1e-4;
those of bfloat16 to 2e-2. Then attention where cuDNN's kernel is chosen, beside the own kernel and float32; tokens a
second and memory of a training step beside PyTorch, if that is installed, and the mini benchmark beside two cores
(gpu_speed.py). `--write` puts the tables into benchmarks/gpu.md, with the card that they are of.

The work is split over processes, for most of it is compiling, which a GPU does not do. Half of `--seconds` is for
losses; what has not begun after its time is left out, and said to be. The last processes take half a minute more.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).parents[1]
TABLE = ROOT / 'benchmarks' / 'gpu.md'
STEPS, BOUNDS = 5, {'float32': 1e-4, 'bfloat16': 2e-2}
# Of the error that the own kernel makes in bfloat16.
FUSED_BOUND = 2.0


def losses(name: str, dtype: str) -> tuple[list[float], float]:
    """The loss of every step, and the seconds that compiling and running took."""
    import jax

    from tests import small_job

    sizes = dict(model__width=64, model__heads=4, model__hidden=128, train__length=64, train__batch_size=8)
    steps = dict(train__steps=STEPS, train__steps_per_call=STEPS, optimizer__warmup_steps=2, second_phase__steps=2)
    with jax.default_matmul_precision('highest' if dtype == 'float32' else 'default'):
        begun = time.perf_counter()
        found = small_job.losses(small_job.build(name, dtype=dtype, **sizes, **steps))
        return found[0].tolist(), time.perf_counter() - begun


def fused_errors(length: int) -> dict[str, float]:
    """RMS errors, relative to float32, of causal attention in bfloat16 by cuDNN's kernel and by the own one."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from posbench import encodings
    from posbench.models import attention

    rng = np.random.default_rng(0)
    q, k, v = (jnp.asarray(rng.normal(size=(4, length, 8, 64)), jnp.float32) for _ in range(3))
    pos = jnp.arange(length, dtype=jnp.int32)[None]
    encoding = encodings.build('rotary').sized(512, 8)

    def attend(fused, dtype):
        def run(q, k, v):
            given = (x.astype(dtype) for x in (q, k, v))
            return attention.attend(*given, encoding=encoding, pos_q_BL=pos, pos_k_BM=pos, fused=fused)

        return np.asarray(jax.jit(run)(q, k, v), np.float32)

    with jax.default_matmul_precision('highest'):
        exact = attend(False, jnp.float32)
    scale = np.sqrt(np.mean(exact**2))
    return {
        name: float(np.sqrt(np.mean((attend(fused, jnp.bfloat16) - exact) ** 2)) / scale)
        for name, fused in (('cudnn', True), ('own', False))
    }


def child(platform: str, names: list[str], seconds: float) -> None:
    """A line of JSON with the device, and one for each config and dtype that is begun in time."""
    import jax

    end, device = time.monotonic() + seconds, jax.devices()[0]
    print(json.dumps(dict(platform=device.platform, card=device.device_kind, jax=jax.__version__)), flush=True)
    for name in names:
        for dtype in ('float32',) if platform == 'cpu' else BOUNDS:
            line = dict(config=name, dtype=dtype)
            if time.monotonic() > end:
                return
            try:
                line['losses'], line['seconds'] = losses(name, dtype)
            except Exception as error:  # One that fails is a cell of the table.
                line['error'] = f'{type(error).__name__}: {error}'.splitlines()[0][:200]
            print(json.dumps(line), flush=True)


def lines_of(platform: str, names: list[str], seconds: float) -> list[dict]:
    """What a process for one platform prints."""
    # Which of several ways is the fastest is not asked here, and looking for it takes longer than compiling.
    xla = f'{os.environ.get("XLA_FLAGS", "")} --xla_gpu_autotune_level=0'.strip() if platform == 'cuda' else ''
    environment = os.environ | dict(JAX_PLATFORMS=platform, XLA_PYTHON_CLIENT_PREALLOCATE='false', XLA_FLAGS=xla)
    command = [sys.executable, '-m', 'benchmarks.gpu', f'--child={platform}', f'--seconds={seconds}', *names]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(f'{platform} {names}: exit code {done.returncode}\n{done.stderr[-2000:]}', file=sys.stderr)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{')]


def _compared(one: dict, reference: dict, bound: float) -> tuple[str, str]:
    """(cell of the table, 'kept', 'BROKEN' or 'NOT RUN')."""
    error = one.get('error') or reference.get('error')
    if error is not None:
        return error, 'BROKEN'
    if 'losses' not in one or 'losses' not in reference:
        return 'not run', 'NOT RUN'
    apart = max(abs(a - b) / abs(b) for a, b in zip(one['losses'], reference['losses']))
    verdict = 'kept' if apart <= bound else 'BROKEN'
    return f'{apart:.1e}', verdict


def main() -> None:
    from benchmarks import gpu_speed
    from posbench.knobs import forms

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = forms.names(forms.MODEL, ROOT / 'configs')
    parser.add_argument('configs', nargs='*', default=names)
    parser.add_argument('--jobs', type=int, default=8, help='processes on the GPU, and as many on the CPU')
    parser.add_argument('--seconds', type=float, default=330)
    parser.add_argument('--write', action='store_true')
    parser.add_argument('--child', choices=('cuda', 'cpu'), help=argparse.SUPPRESS)
    parser.add_argument('--fused', action='store_true', help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.fused:
        print(json.dumps({length: fused_errors(length) for length in (512, 2048)}))
        return
    if flags.child:
        child(flags.child, flags.configs, flags.seconds)
        return

    begun = time.monotonic()
    shards = [flags.configs[start :: flags.jobs] for start in range(flags.jobs)]
    with concurrent.futures.ThreadPoolExecutor(2 * flags.jobs) as pool:
        asked = [(platform, shard) for platform in ('cuda', 'cpu') for shard in shards if shard]
        answers = list(pool.map(lambda one: lines_of(*one, flags.seconds / 2), asked))
    found = {}
    card = next((line for lines in answers for line in lines if line.get('platform') == 'gpu'), None)
    for (platform, _), lines in zip(asked, answers):
        found |= {(platform, line['config'], line['dtype']): line for line in lines if 'config' in line}
    table, verdicts = ['| config | float32 | bfloat16 | seconds |', '| --- | ---: | ---: | ---: |'], {}
    for name in flags.configs:
        reference, cells, seconds = found.get(('cpu', name, 'float32'), {}), [], 0.0
        for dtype, bound in BOUNDS.items():
            one = found.get(('cuda', name, dtype), {})
            seconds += one.get('seconds', 0.0)
            cell, verdict = _compared(one, reference, bound)
            cells.append(cell)
            verdicts.setdefault(verdict, []).append(f'{name} ({dtype})')
        table.append(f'| {name} | {" | ".join(cells)} | {seconds:.0f} |')
    print('\n'.join(table))
    fused = subprocess.run(
        [sys.executable, '-m', 'benchmarks.gpu', '--fused'], cwd=ROOT, capture_output=True, text=True
    )
    said = [f'{len(verdicts.pop("kept", []))} of {2 * len(flags.configs)} within the bound.']
    said += [f'{verdict}: {", ".join(which)}.' for verdict, which in verdicts.items()]
    if fused.returncode:
        said.append(f"cuDNN's kernel: {fused.stderr.strip().splitlines()[-1][:300]}")
    else:
        for length, errors in json.loads(fused.stdout.splitlines()[-1]).items():
            verdict = 'kept' if errors['cudnn'] <= FUSED_BOUND * errors['own'] else 'BROKEN'
            said.append(
                f'Attention over {length} tokens in bfloat16, error beside float32: cuDNN {errors["cudnn"]:.1e}, own '
                f'kernel {errors["own"]:.1e} ({verdict}: at most {FUSED_BOUND:g} times the own one).'
            )
    print('\n' + '\n'.join(said))
    if card is None:
        sys.exit('benchmarks.gpu: no GPU was found by jax.')
    deadline = begun + flags.seconds
    speed = [gpu_speed.of_decoders(deadline - 30, print), gpu_speed.of_mini(deadline, print)]
    head = f'Written by `python -m benchmarks.gpu --write` on one {card["card"]}, jax {card["jax"]}.'
    if flags.write:
        explained = (
            f"The largest relative difference of {STEPS} losses from those of the same host's CPU in float32; at most "
            f'{BOUNDS["float32"]:g} and {BOUNDS["bfloat16"]:g}.'
        )
        parts = [f'{head} {explained}', '\n'.join(table), '\n'.join(said), *('\n'.join(lines) for lines in speed)]
        TABLE.write_text('\n\n'.join(parts) + '\n', 'utf-8')


if __name__ == '__main__':
    main()
