"""What every encoding was checked against, and how far it is off: one line for each row of the catalogue of schemes.

    python -m benchmarks.encoding_errors [--write] [CONFIG ...]

For each config: the largest error beside its oracle (a float64 double loop) over values and over gradients at 12 and
48 tokens; the largest error beside a public implementation, where a package has one; and the largest difference
between decoding token by token with a cache and reading at once. `--write` puts the table into
benchmarks/encoding_errors.md. Exit code 1 if a figure is above 1e-5 (of the cache: 5e-5, logits of two layers).
"""

import argparse
import pathlib
import sys

import numpy as np

import tests.conftest  # noqa: F401 (compiles cheaply)
from posbench import encodings
from posbench.encodings import base
from posbench.knobs import schema
from tests.encodings import compare, contract, oracles, small, test_oracles, test_references

ROOT = pathlib.Path(__file__).parents[1]
TABLE = ROOT / 'benchmarks' / 'encoding_errors.md'

# Scheme -> its configs, in the order of the catalogue of schemes.
ROWS = {
    1: ('NoPE', ['none']),
    2: ('Sinusoidal', ['sinusoidal']),
    3: ('Learned absolute', ['learned']),
    4: ('Shaw relative keys, and values', ['shaw', 'shaw_values']),
    5: ('Music Transformer', ['music']),
    6: ('Transformer-XL', ['transformer_xl']),
    7: ('T5 bias', ['t5']),
    8: ('DeBERTa', ['deberta']),
    9: ('TUPE-A, TUPE-R', ['tupe_a', 'tupe_r']),
    10: ('RoPE', ['rope']),
    11: ('Partial RoPE', ['partial_rope']),
    12: ('Position interpolation', ['position_interpolation']),
    13: ('NTK-aware', ['ntk']),
    14: ('Dynamic NTK', ['ntk_dynamic']),
    15: ('NTK-by-parts, YaRN', ['yarn']),
    16: ('LongRoPE', ['longrope']),
    17: ('Llama-3 scaling', ['llama3']),
    18: ('p-RoPE', ['p_rope']),
    19: ('HoPE (high frequency)', ['hope_hf']),
    20: ('RoPE-ID', ['rope_id']),
    21: ('Clipped RoPE', ['rope_clip']),
    22: ('FoPE', ['fope']),
    23: ('xPos', ['xpos']),
    24: ('ALiBi, causal, symmetric, learned', ['alibi', 'alibi_symmetric', 'alibi_learned']),
    25: ('KERPLE log, power', ['kerple_log', 'kerple_power']),
    26: ('Sandwich', ['sandwich']),
    27: ('FIRE', ['fire']),
    28: ('TISA', ['tisa']),
    29: ('Dynamic position bias, continuous bias', ['dynamic_bias', 'continuous_bias']),
    30: ('CAPE', ['cape']),
    31: ('SHAPE', ['shape']),
    32: ('Randomized positions', ['randomized_rope', 'randomized_sinusoidal', 'randomized_alibi', 'randomized_learned',
         'randomized_relative', 'randomized_relative_as_released']),
    33: ('Position coupling', ['position_coupling']),
    34: ('Abacus', ['abacus', 'abacus_fire']),
    35: ('FLOATER', ['floater']),
    36: ('Complex embeddings', ['complex']),
    37: ('Multiplied, concatenated, linear', ['multiply', 'concatenate', 'linear_position']),
    38: ('CPVT, convolutional positions', ['cpvt', 'conv_position']),
    39: ('CoPE (contextual)', ['cope']),
    40: ('DAPE v1, v2', ['dape', 'dape_v2']),
    41: ('FoX', ['fox']),
    42: ('CABLE', ['cable']),
    43: ('Stick-breaking', ['stick_breaking']),
    44: ('PaTH, PaTH-FoX', ['path', 'path_fox']),
    45: ('Wall', ['wall']),
    46: ('PoPE (polar)', ['pope']),
    47: ('GRAPE-M, -A, -AP', ['grape_m', 'grape_m_contextual', 'grape_a', 'grape_ap']),
    48: ('Selective RoPE', ['selective_rope']),
    49: ('Inkling relative bank', ['inkling']),
    50: ('RePo', ['repo']),
    51: ('TAPA', ['tapa']),
    52: ('TAPE', ['tape']),
    53: ('RNoPE', ['rnope']),
    54: ('iRoPE with temperature, two thetas', ['irope', 'rope_two_thetas']),
    55: ('DroPE', ['drope']),
    56: ('M-RoPE chunked, interleaved', ['mrope', 'mrope_interleaved']),
    57: ('2-D axial RoPE', ['axial_rope']),
    58: ('RoPE-Mixed', ['rope_mixed']),
    59: ('LieRE', ['liere']),
    60: ('ComRoPE', ['comrope']),
    61: ('iRPE', ['irpe']),
    62: ('2-D sinusoids, Swin bias', ['sincos_2d', 'swin']),
    63: ('WavLM gated bias', ['wavlm']),
    64: ('BiPE', ['bipe']),
    65: ('ReRoPE, Self-Extend, DCA, PoSE', ['rerope', 'self_extend', 'dca', 'pose']),
    66: ('log-n, SSMax', ['log_n', 'ssmax']),
    67: ('Sink (gpt-oss)', ['sink']),
}  # fmt: skip
# Config -> why there is none.
LEFT_OUT = {
    'tape': 'its positions are a second residual stream, which every layer changes by what its attention reads',
}


def configured(config: str) -> tuple[str, dict]:
    """(encoding, options) of a config."""

    def plain(group):
        options = {key: plain(value) if isinstance(value, dict) else value for key, value in group.items()}
        if options.get('module') is None:
            options.pop('module', None)
        return options

    options = plain(schema.load(ROOT / 'configs' / f'{config}.py').encoding.to_dict())
    return options.pop('name'), options


def oracle_errors(name: str) -> tuple[float, float]:
    """(of values, of gradients), over all settings that the oracle compares."""
    values, gradients = [], []
    for setting in oracles.settings(name):
        for length in (12, 48):
            values += test_oracles.logit_errors(name, setting, length).values()
            values += test_oracles.layer_errors(name, setting, length).values()
            gradients += test_oracles.gradient_errors(name, setting, length).values()
    return max(values), max(gradients)


def cache_error(encoding: base.PositionEncoding) -> float:
    """Largest difference of logits between decoding token by token and reading at once."""
    model, tokens, pos = small.model(encoding), small.tokens(), small.positions()
    read = contract.decoding.read(model, small.params(model), tokens, pos, np.zeros_like(tokens), small.LENGTH * [1])
    places, at_once = contract.decoding.logits_as_read(model, tokens, pos, 1)
    return float(np.abs(read[:, places] - at_once).max())


def reference(name: str) -> tuple[str, float] | None:
    """(packages, largest error) where public implementations were compared."""
    packages, errors = set(), []
    for file in sorted(test_references.FOLDER.glob('*.npz')):
        if file.stem.partition('-')[0] != name:
            continue
        about, by_length = test_references.golden(file.stem)
        packages.add(about['package'])
        for length in by_length:
            errors += test_references.errors(file.stem, length).values()
    return (', '.join(sorted(packages)), max(errors)) if errors else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('configs', nargs='*')
    parser.add_argument('--write', action='store_true')
    flags = parser.parse_args()
    lines = [
        '| row | scheme | config | encoding | oracle, values | oracle, gradients | package | package, error | cache |',
        '| ---: | --- | --- | --- | ---: | ---: | --- | ---: | ---: |',
    ]
    print('\n'.join(lines))
    bad, measured = [], {}
    for row, (scheme, configs) in ROWS.items():
        for config in configs:
            if flags.configs and config not in flags.configs:
                continue
            if not (ROOT / 'configs' / f'{config}.py').exists():
                line = f'| {row} | {scheme} | left out: {LEFT_OUT[config]} | | | | | | |'
            else:
                name, options = configured(config)
                key = (name, repr(options))
                if name not in measured:
                    measured[name] = (*oracle_errors(name), reference(name))
                values, gradients, package = measured[name]
                if key not in measured:
                    measured[key] = cache_error(encodings.build(name, **options))
                cache = measured[key]
                over = max(values, gradients, package[1] if package else 0.0) > test_oracles.TOLERANCE
                if over or not cache <= compare.SAME:
                    bad.append(config)
                beside = f'{package[0]} | {package[1]:.1e}' if package else ' | '
                figures = f'{values:.1e} | {gradients:.1e} | {beside} | {cache:.1e}'
                line = f'| {row} | {scheme} | {config} | {name} | {figures} |'
            lines.append(line)
            print(line, flush=True)
    if flags.write:
        title = 'Written by `python -m benchmarks.encoding_errors --write`.'
        TABLE.write_text('\n'.join([title, '', *lines, '']), 'utf-8')
    print(f'above the tolerance: {", ".join(bad) or "none"}')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
