"""A training step of one decoder, here and in x-transformers on PyTorch: tokens a second, side by side.

The decoder: width 256, 4 layers, 8 heads, hidden 1024, vocabulary 256, 256 tokens, batch 16, float32, rotary, AdamW,
about 92 GFLOP a step where attention counts all L^2 pairs. The processes take turns, so that a busy machine is busy
for both; each reports the median of its rounds.

    pip install -r benchmarks/requirements.txt     # in this environment, or in another one named by --torch_python
    python -m benchmarks.decoder_step [--rounds=5] [--torch_python=PATH]
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

WIDTH, LAYERS, HEADS, HIDDEN, VOCABULARY, LENGTH, BATCH = 256, 4, 8, 1024, 256, 256, 16
# 6 a parameter of the matrices and token, 12 L D a token and layer for attention.
PARAMETERS = LAYERS * (4 * WIDTH**2 + 2 * WIDTH * HIDDEN) + WIDTH * VOCABULARY
GFLOP = BATCH * LENGTH * (6 * PARAMETERS + 12 * LAYERS * LENGTH * WIDTH) / 1e9
STEPS = 8


def of_posbench() -> dict:
    """Seconds of one call of STEPS steps, after the first; and what came before it."""
    begun = time.perf_counter()
    from posbench.devices import host

    host.prepare()
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    from posbench import encodings, positions
    from posbench.devices import parallel
    from posbench.models import build
    from posbench.tasks.text import language_model
    from posbench.training import step

    imported = time.perf_counter()
    fields = dict(layers=LAYERS, width=WIDTH, heads=HEADS, hidden=HIDDEN)
    model = build.language_model(encodings.build('rotary'), vocabulary=VOCABULARY, **fields)
    optimizer, position_map = optax.adamw(1e-3), positions.build('sequential')
    layout = parallel.layout('jit', seeds=1, batch_size=BATCH)
    task = language_model.Task(np.random.default_rng(0).integers(0, VOCABULARY, 200_000).astype(np.int32))
    key = jax.random.key(0)

    def init(seed):
        example = step.with_positions(task.sample(key, BATCH, LENGTH), position_map, key, train=True)
        return step.init_state(model, optimizer, seed, example)

    state = parallel.place_state(jax.jit(jax.vmap(init))(jnp.arange(1)), layout)
    steps = step.make_steps(model, optimizer, position_map, batch_size=BATCH, length=LENGTH, most=STEPS)
    compiled = parallel.compile_steps(steps, layout, jax.eval_shape(lambda: state))
    source = parallel.place(step.Feed(task), layout)
    before = time.perf_counter()
    program = compiled.lower(state, source, jnp.int32(STEPS)).compile()
    compile_seconds = time.perf_counter() - before
    state, metrics = program(state, source, jnp.int32(1))
    jax.block_until_ready(metrics)
    before = time.perf_counter()
    state, metrics = program(state, source, jnp.int32(STEPS))
    jax.block_until_ready(metrics)
    seconds = (time.perf_counter() - before) / STEPS
    return dict(seconds=seconds, compile=compile_seconds, imports=imported - begun, loss=float(metrics['loss'][0, -1]))


def of_x_transformers(flash: bool) -> dict:
    """The same work in PyTorch eager mode."""
    import torch
    from x_transformers import Decoder, TransformerWrapper

    model = TransformerWrapper(
        num_tokens=VOCABULARY,
        max_seq_len=LENGTH,
        use_abs_pos_emb=False,
        attn_layers=Decoder(
            dim=WIDTH,
            depth=LAYERS,
            heads=HEADS,
            attn_dim_head=WIDTH // HEADS,
            ff_mult=HIDDEN // WIDTH,
            rotary_pos_emb=True,
            attn_flash=flash,
        ),
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    tokens = torch.randint(0, VOCABULARY, (BATCH, LENGTH + 1))

    def one_step():
        logits = model(tokens[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss

    one_step()
    before = time.perf_counter()
    for _ in range(STEPS):
        loss = one_step()
    return dict(seconds=(time.perf_counter() - before) / STEPS, loss=float(loss.detach()))


def of_matmul() -> dict:
    """GFLOP a second of the largest of some float32 matrix products in PyTorch: what this machine can do."""
    import torch

    best = 0.0
    for size in (1024, 2048):
        a, b = torch.randn(size, size), torch.randn(size, size)
        for _ in range(6):
            before = time.perf_counter()
            _ = a @ b
            best = max(best, 2 * size**3 / (time.perf_counter() - before) / 1e9)
    return dict(gflops=best)


SUBJECTS = {
    'posbench': of_posbench,
    'x-transformers flash': lambda: of_x_transformers(True),
    'x-transformers': lambda: of_x_transformers(False),
    'matmul': of_matmul,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--torch_python', default=sys.executable)
    parser.add_argument('--subject', choices=SUBJECTS)
    flags = parser.parse_args()
    if flags.subject:
        print(json.dumps(SUBJECTS[flags.subject]()))
        return
    found = {subject: [] for subject in SUBJECTS}
    for _ in range(flags.rounds):
        for subject in SUBJECTS:
            python = sys.executable if subject == 'posbench' else flags.torch_python
            command = [python, '-m', 'benchmarks.decoder_step', f'--subject={subject}']
            root = pathlib.Path(__file__).parent.parent
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
            found[subject].append(json.loads(done.stdout.strip().splitlines()[-1]))
    peak = max(one['gflops'] for one in found['matmul'])
    print(f'matrix product peak {peak:.0f} GFLOP/s; a step is {GFLOP:.1f} GFLOP; median of {flags.rounds} rounds')
    ours = statistics.median(one['seconds'] for one in found['posbench'])
    for subject, values in found.items():
        if subject == 'matmul':
            continue
        seconds = statistics.median(one['seconds'] for one in values)
        spread = f'{min(one["seconds"] for one in values) * 1e3:.0f}-{max(one["seconds"] for one in values) * 1e3:.0f}'
        print(
            f'{subject:22} {seconds * 1e3:6.0f} ms ({spread})  {BATCH * LENGTH / seconds:7.0f} tokens/s  '
            f'{GFLOP / seconds / peak:4.0%} of peak  posbench is {seconds / ours:.2f} times as fast'
        )
    print(
        f'posbench: imports {statistics.median(one["imports"] for one in found["posbench"]):.1f} s, '
        f'compiling {statistics.median(one["compile"] for one in found["posbench"]):.1f} s'
    )


if __name__ == '__main__':
    main()
