"""Scratch memory of attention, forward and backward, by length: in blocks beside all at once.

    python -m benchmarks.attention_memory [--lengths=1024,2048,4096,8192,16384] [--block_size=512] [--write]
        [ENCODING ...]

Eight heads of 32 channels, batch 1. One encoding of each cost class by default: a rotation (any fused kernel), a bias
of positions, a gate (positions and a number a token), relative keys (a table a query), an ordered scan, and one that
mixes heads. The figures are the compiler's own (`memory_analysis`); nothing is run. Promised of blocks: at most 2.3
times the memory for twice the length, and less than 2 GiB at 16,384 tokens. `--write` puts the table into
benchmarks/attention_memory.md; exit code 0 if the promise is kept.
"""

import argparse
import itertools
import pathlib
import sys

from posbench.devices import host

host.prepare(1)

import jax  # noqa: E402 (the devices are counted when jax is imported)
import jax.numpy as jnp  # noqa: E402

from posbench import encodings  # noqa: E402
from posbench.models import attention  # noqa: E402

HEADS, HEAD_WIDTH = 8, 32
TABLE = pathlib.Path(__file__).with_suffix('.md')
MOST_GROWTH, MOST_BYTES = 2.3, 2 * 2**30
CLASSES = ('none', 'rotary', 't5_bias', 'fox', 'shaw', 'cope_contextual', 'path', 'dape')


def scratch_bytes(name: str, length: int, block_size: int | None) -> int:
    """Temporary memory of the gradient of one attention layer by queries, keys, values, tokens and parameters."""
    encoding = encodings.build(name).sized(HEADS * HEAD_WIDTH, HEADS)

    def loss(params, q, k, v, x):
        pos, order = jnp.arange(length, dtype=jnp.int32)[None], attention.sequence_order(length)
        bound = encoding.with_params(params)
        aux = bound.accumulate(bound.aux(x, pos), pos, order)
        return attention.attend(
            q, k, v, encoding=bound, pos_q_BL=pos, pos_k_BM=pos, aux_q=aux, aux_k=aux, block_size=block_size
        ).sum()

    heads = jax.ShapeDtypeStruct((1, length, HEADS, HEAD_WIDTH), jnp.float32)
    x = jax.ShapeDtypeStruct((1, length, HEADS * HEAD_WIDTH), jnp.float32)
    params = jax.eval_shape(encoding.init_params, jax.random.key(0))
    program = jax.jit(jax.grad(loss, argnums=(0, 1, 2, 3, 4))).lower(dict(params), heads, heads, heads, x).compile()
    return program.memory_analysis().temp_size_in_bytes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('encodings', nargs='*', default=CLASSES)
    parser.add_argument('--lengths', default='1024,2048,4096,8192,16384')
    parser.add_argument('--block_size', type=int, default=512)
    parser.add_argument('--write', action='store_true')
    flags = parser.parse_args()
    lengths = [int(length) for length in flags.lengths.split(',')]
    titles = ' | '.join(f'{length:,}' for length in lengths)
    lines = [
        f'| encoding | MiB with {titles} tokens | growth a doubling | promise |',
        f'| --- |{" ---: |" * (len(lengths) + 1)} --- |',
    ]
    print('\n'.join(lines), flush=True)
    broken = 0
    for name in flags.encodings:
        for title, block_size in ((f'blocks of {flags.block_size}', flags.block_size), ('dense', None)):
            sizes = [scratch_bytes(name, length, block_size) for length in lengths]
            growth, verdict = max(b / a for a, b in itertools.pairwise(sizes)), ''
            if block_size is not None:
                kept = growth <= MOST_GROWTH and max(sizes) < MOST_BYTES
                verdict, broken = 'kept' if kept else 'BROKEN', broken + (not kept)
            figures = ' | '.join(f'{size / 2**20:,.0f}' for size in sizes)
            lines.append(f'| `{name}`, {title} | {figures} | {growth:.2f} | {verdict} |')
            print(lines[-1], flush=True)
    if flags.write:
        title = (
            f'Scratch memory of the gradient of one attention layer: {HEADS} heads of {HEAD_WIDTH} channels, batch 1, '
            'float32.\nWritten by `python -m benchmarks.attention_memory --write`.'
        )
        TABLE.write_text('\n'.join([title, '', *lines, '']), 'utf-8')
    return 1 if broken else 0


if __name__ == '__main__':
    sys.exit(main())
