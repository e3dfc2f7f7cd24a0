"""The TPU compiler, where it is installed: tests that need it say so, and are skipped elsewhere."""

import importlib.util

import pytest

from posbench.devices import topology

needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec('libtpu') is None, reason=f'libtpu is not installed: {topology.INSTALL}'
)
