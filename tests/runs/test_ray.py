"""Tasks of Ray, where that is installed: a cluster of one node, started here."""

import re

import pytest

from posbench import failures
from posbench.devices import cpus
from posbench.knobs.kinds import UsageError
from posbench.runs import cores

pytest.importorskip('ray', reason='ray is not installed: requirements-ray.txt')


@pytest.mark.everything
def test_runs_are_tasks_that_fail_and_are_tried_again_as_anywhere(study, capsys):
    study.edit('alibi=3, shaw=4', 'killed_once=3')
    code, started = study('--executor=ray')
    assert (code, sorted(started)) == (1, ['bad', 'killed_once', 'killed_once', 'rope'])
    assert failures.read(study.results / 'bad')['reason'] == 'loss is nan at step 3'
    assert re.search(r'killed_once: killed after .* ended by SIGKILL; .*; tried again', capsys.readouterr().out)
    assert 'a task of Ray' in (study.results / 'rope' / 'log.txt').read_text()


@pytest.mark.everything
def test_a_signal_has_tasks_save(study, capsys):
    study.edit('rope=1', 'interrupted=1')
    assert study('--executor=ray', '--only=interrupted') == (130, ['interrupted'])
    assert 'SIGINT: stopped in interrupted, 0 of 1 runs are done' in capsys.readouterr().err
    assert not (study.results / 'interrupted' / 'asleep').exists()


def test_a_cluster_that_is_not_there_is_one_line(study):
    with pytest.raises(UsageError, match=r'^--executor=ray: no cluster answers at .*:1: .*refused'):
        study('--executor=ray', '--executor.address=127.0.0.1:1')


@pytest.mark.everything
def test_a_run_has_what_the_command_says_of_compiling_and_no_more_of_a_node_than_it_asked_for(study, monkeypatch):
    from ray.cluster_utils import Cluster

    # The node is there before, with another environment; the GPU only by name.
    for name in ('XLA_FLAGS', cores.GPU_MEMORY):
        monkeypatch.delenv(name, raising=False)
    cluster = Cluster(initialize_head=True, head_node_args=dict(num_cpus=2, num_gpus=1))
    monkeypatch.setenv('XLA_FLAGS', '--xla_cpu_use_fusion_emitters=false')
    try:
        study.edit('rope=1', 'told=1')
        flags = ['--executor=ray', f'--executor.address={cluster.address}', '--executor.gpus=0.5']
        assert study(*flags, '--only=told')[0] == 0
    finally:
        cluster.shutdown()
    log = (study.results / 'told' / 'log.txt').read_text()
    assert f'told --xla_cpu_use_fusion_emitters=false {cores.at_most(1).get(cpus.THREADS)} 0.450' in log
