"""What is set before jax starts: the devices only where nobody has set them."""

import ctypes
import os

import pytest

from posbench.devices import host

FLAG = '--xla_force_host_platform_device_count'


@pytest.fixture
def flags(monkeypatch):
    """prepare(...) on an environment of its own: the flags that XLA would then see."""
    monkeypatch.setattr(host, 'keep_pages', lambda: None)

    def prepared(before: str | None, *arguments) -> str:
        monkeypatch.setenv('TF_CPP_MIN_LOG_LEVEL', '0')
        monkeypatch.delenv('XLA_FLAGS', raising=False)
        if before is not None:
            monkeypatch.setenv('XLA_FLAGS', before)
        host.prepare(*arguments)
        return os.environ['XLA_FLAGS']

    return prepared


def test_there_are_as_many_devices_as_asked_for(flags):
    assert flags(None, 3) == f'{FLAG}=3'


def test_by_default_there_is_a_device_for_each_core(flags):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else 1
    assert flags(None) == f'{FLAG}={cores}'


def test_other_flags_stay(flags):
    assert flags('--xla_dump_to=here', 2) == f'--xla_dump_to=here {FLAG}=2'


def test_a_number_of_devices_that_was_set_before_stays(flags):
    assert flags(f'{FLAG}=5 --xla_dump_to=here', 2) == f'{FLAG}=5 --xla_dump_to=here'


def test_a_log_level_that_was_set_before_stays(flags):
    flags(None)
    assert os.environ['TF_CPP_MIN_LOG_LEVEL'] == '0'


@pytest.mark.parametrize('missing', [OSError, AttributeError])
def test_a_machine_without_glibc_is_left_as_it_is(monkeypatch, missing):
    def absent(_):
        raise missing

    monkeypatch.setattr(ctypes, 'CDLL', absent)
    host.keep_pages()
