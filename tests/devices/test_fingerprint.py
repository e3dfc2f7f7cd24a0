import json

import jax
import pytest

from posbench.devices.fingerprint import _cpu, differences, fingerprint


@pytest.fixture(scope='module')
def here():
    return fingerprint()


def test_it_survives_a_round_trip_through_json(here):
    assert json.loads(json.dumps(here)) == here
    assert differences(here, json.loads(json.dumps(fingerprint()))) == []


def test_it_holds_what_the_bits_depend_on(here):
    assert here['jax'] == jax.__version__
    assert here['platform'] == jax.default_backend()
    assert here['devices'] == jax.device_count()
    assert here['cores'] >= 1


def test_compiler_flags_are_recorded_and_folders_and_secrets_are_not(here, monkeypatch):
    monkeypatch.setenv('XLA_FLAGS', '--xla_dump_to=/secret --xla_force_host_platform_device_count=4')
    monkeypatch.setenv('NPROC', '1')
    changed = fingerprint()
    assert changed['XLA_FLAGS'] == ['--xla_force_host_platform_device_count=4']
    assert changed['NPROC'] == '1'
    assert 'secret' not in json.dumps(changed)


def test_an_option_of_jax_that_changes_bits_is_a_difference(here):
    before = jax.config.jax_default_matmul_precision
    jax.config.update('jax_default_matmul_precision', 'highest')
    try:
        assert differences(here, fingerprint()) == [f'jax_default_matmul_precision: {before} -> highest']
    finally:
        jax.config.update('jax_default_matmul_precision', before)


def test_differences_are_lines_for_people():
    a = {'jax': '0.10.1', 'devices': 1, 'NPROC': None, 'cpu_features': ['avx', 'avx2']}
    b = {'jax': '0.10.2', 'devices': 1, 'cores': 2, 'cpu_features': ['avx', 'fma']}
    assert differences(a, b) == ['jax: 0.10.1 -> 0.10.2', 'cpu_features: -avx2 +fma', 'cores: None -> 2']


def test_the_processor_is_read_from_its_first_block(tmp_path):
    cpuinfo = tmp_path / 'cpuinfo'
    cpuinfo.write_text('model name\t: First\nflags\t\t: fpu avx2 smep sse4_1\n\nmodel name\t: Second\nflags\t\t: fpu\n')
    assert _cpu(cpuinfo) == {'cpu': 'First', 'cpu_features': ['avx2', 'sse4_1']}
    assert _cpu(tmp_path / 'absent')['cpu_features'] == []
