"""What the bits of a run depend on besides its config: a run resumes bit for bit on the same fingerprint.

On a CPU, 1 core and 2 cores give different last bits, and so do 1 and 2 virtual devices; each is repeatable.
"""

import os
import platform
import re
import shlex
from importlib import metadata
from pathlib import Path
from typing import Any

from posbench.devices import cpus

PACKAGES = ('jax', 'jaxlib', 'flax', 'optax', 'numpy')
# Flags that change the compiled program. The rest (dump folders, logging) may hold paths, and changes no bit.
XLA_FLAGS = re.compile(
    r'--xla_(force_host_platform_device_count|allow_excess_precision|backend_optimization_level|cpu_|gpu_|tpu_)'
)
JAX_OPTIONS = (
    'jax_default_matmul_precision',
    'jax_default_prng_impl',
    'jax_disable_most_optimizations',
    'jax_enable_x64',
    'jax_threefry_partitionable',
)
VECTOR_FEATURE = re.compile(r'avx|s?sse|fma|amx|f16c|sve|sme\d?$|asimd|bf16|i8mm')


def fingerprint() -> dict[str, Any]:
    """Plain JSON; starts JAX's backend. Nothing of the environment but NPROC and the compiler flags is recorded."""
    import jax

    device = jax.devices()[0]
    flags = shlex.split(os.environ.get('XLA_FLAGS', ''))
    return {
        'python': platform.python_version(),
        **{package: metadata.version(package) for package in PACKAGES},
        'platform': device.platform,
        'platform_version': device.client.platform_version,
        'device_kind': device.device_kind,
        'devices': jax.device_count(),
        'processes': jax.process_count(),
        'cores': cpus.count() if hasattr(os, 'sched_getaffinity') else os.cpu_count(),
        'NPROC': os.environ.get('NPROC'),
        'XLA_FLAGS': sorted(flag for flag in flags if XLA_FLAGS.match(flag)),
        **{option: jax.config.values[option] for option in JAX_OPTIONS},
        **_cpu(Path('/proc/cpuinfo')),
    }


def differences(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """One line for each entry that differs: 'jax: 0.10.1 -> 0.10.2'; of a list, what went and what came."""
    return [f'{key}: {_change(a.get(key), b.get(key))}' for key in {**a, **b} if a.get(key) != b.get(key)]


def _change(old: Any, new: Any) -> str:
    if isinstance(old, list) and isinstance(new, list):
        gone, come = [item for item in old if item not in new], [item for item in new if item not in old]
        return ' '.join([f'-{item}' for item in gone] + [f'+{item}' for item in come])
    return f'{old} -> {new}'


def _cpu(cpuinfo: Path) -> dict[str, Any]:
    lines = cpuinfo.read_text('utf-8', 'replace').splitlines() if cpuinfo.exists() else []
    # The first processor's block: the same key comes again for each core. ARM writes Features where x86 writes flags.
    entries = dict(reversed([[part.strip() for part in line.split(':', 1)] for line in lines if ':' in line]))
    features = entries.get('flags', entries.get('Features', '')).split()
    return {
        'cpu': entries.get('model name', platform.processor() or platform.machine()),
        'cpu_features': sorted(feature for feature in features if VECTOR_FEATURE.match(feature)),
    }
