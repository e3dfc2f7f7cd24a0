"""What a CPU host needs to have set before jax is imported. Imports nothing but the standard library.

XLA on a CPU uses one device well and several cores badly: a virtual device for each core, with the batch or the seeds
split over them, is up to twice as fast. And it asks for fresh memory in every step: without the two settings of the
allocator below, each step gives its pages back to the kernel and faults them in again.
"""

import contextlib
import ctypes
import os
import warnings

from posbench.devices import cpus

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX, M_ARENA_MAX = -1, -2, -4, -8


def prepare(devices: int | None = None) -> None:
    """Virtual CPU devices (None: one a core), an allocator that keeps its pages, and no messages from XLA."""
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '2')
    flag = '--xla_force_host_platform_device_count'
    if flag not in os.environ.get('XLA_FLAGS', ''):
        count = devices or cpus.count()
        os.environ['XLA_FLAGS'] = f'{os.environ.get("XLA_FLAGS", "")} {flag}={count}'.strip()
    keep_pages()


def keep_pages() -> None:
    """Tells glibc to keep freed memory and to share it among threads; elsewhere this does nothing."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL('libc.so.6')
        libc.mallopt(M_ARENA_MAX, 1)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        libc.mallopt(M_TOP_PAD, 64 * 2**20)


def compilation_cache(folder: str) -> None:
    """Compiled programs are kept in `folder` and found again by the next run, where there is room for them."""
    import jax

    # One for each program on a full disk, and all that it means is that the next run compiles again.
    warnings.filterwarnings('ignore', message='Error (reading|writing) persistent compilation cache')
    jax.config.update('jax_compilation_cache_dir', folder)
    jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.1)
    jax.config.update('jax_persistent_cache_min_entry_size_bytes', 0)
