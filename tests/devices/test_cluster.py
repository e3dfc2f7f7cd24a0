"""A cluster that is named by halves is refused in one line; what is named well is what JAX will be told."""

import pytest

from posbench.devices import cluster
from posbench.knobs import UsageError

OURS = dict(JAX_COORDINATOR_ADDRESS='host:1234', JAX_NUM_PROCESSES='2', JAX_PROCESS_ID='1')
SRUN = dict(SLURM_NTASKS='4', SLURM_JOB_ID='7', SLURM_STEP_NODELIST='n[1-2]', SLURM_PROCID='3', SLURM_LOCALID='1')
MPIRUN = dict(
    OMPI_COMM_WORLD_SIZE='3',
    OMPI_MCA_orte_hnp_uri='1.0;tcp://10.0.0.1:3',
    OMPI_COMM_WORLD_RANK='2',
    OMPI_COMM_WORLD_LOCAL_RANK='0',
)


@pytest.mark.parametrize(
    'environment', [{}, dict(SLURM_NTASKS='1'), dict(SLURM_NTASKS=''), dict(SLURM_JOB_ID='7'), dict(JAX_PROCESS_ID='')]
)
def test_one_process_is_no_cluster(environment):
    assert cluster.named(environment) is None


def test_jax_is_told_what_its_own_variables_say_and_finds_what_srun_and_mpirun_say():
    assert cluster.named(OURS)[:3] == ('host:1234', 2, 1)
    assert cluster.named(OURS | dict(JAX_COORDINATOR_ADDRESS='[::1]:80'))[0] == '[::1]:80'
    assert cluster.named(SRUN)[:3] == (None, 4, None)
    assert cluster.named(MPIRUN)[:3] == (None, 3, None)
    assert cluster.named(SRUN | dict(JAX_COORDINATOR_ADDRESS='host:1'))[:3] == ('host:1', 4, None)
    assert cluster.named(SRUN | OURS)[:3] == ('host:1234', 2, 1)


def test_what_is_waited_for_is_named_with_the_variables_that_say_so():
    wanted = 'at host:1234 (JAX_COORDINATOR_ADDRESS=host:1234, JAX_NUM_PROCESSES=2, JAX_PROCESS_ID=1)'
    assert cluster.named(OURS).wanted == f'2 processes {wanted}'
    assert cluster.named(SRUN).wanted.startswith('4 processes (SLURM_NTASKS=4, SLURM_JOB_ID=7, SLURM_STEP_NODELIST=')


@pytest.mark.parametrize(
    ('environment', 'words'),
    [
        (dict(SLURM_NTASKS='4'), 'SLURM_NTASKS=4, but srun did not start this process: it would set SLURM_JOB_ID, '),
        ({**SRUN, 'SLURM_STEP_NODELIST': ''}, 'srun did not start this process: it would set SLURM_STEP_NODELIST too'),
        (dict(SLURM_NTASKS='4(x2)'), "SLURM_NTASKS: got '4(x2)', wanted a whole number of at least 1"),
        (dict(SLURM_NTASKS='9' * 5000), 'wanted a whole number of at least 1'),
        (dict(OMPI_COMM_WORLD_SIZE='3'), 'OMPI_COMM_WORLD_SIZE=3, but mpirun did not start this process'),
        (
            dict(JAX_NUM_PROCESSES='2'),
            'JAX_NUM_PROCESSES=2 names a cluster, which also needs JAX_COORDINATOR_ADDRESS and ',
        ),
        ({**OURS, 'JAX_PROCESS_ID': ''}, 'which also needs JAX_PROCESS_ID'),
        ({**OURS, 'JAX_PROCESS_ID': '2'}, 'JAX_PROCESS_ID: got 2, wanted a number below JAX_NUM_PROCESSES, which is 2'),
        ({**OURS, 'JAX_PROCESS_ID': '-1'}, "JAX_PROCESS_ID: got '-1', wanted a whole number of at least 0"),
        ({**OURS, 'JAX_PROCESS_ID': '²'}, "JAX_PROCESS_ID: got '²', wanted a whole number"),
        ({**OURS, 'JAX_NUM_PROCESSES': 'abc'}, "JAX_NUM_PROCESSES: got 'abc', wanted a whole number of at least 1"),
        ({**OURS, 'JAX_NUM_PROCESSES': '0'}, "JAX_NUM_PROCESSES: got '0', wanted a whole number of at least 1"),
        ({**OURS, 'JAX_COORDINATOR_ADDRESS': 'host'}, "JAX_COORDINATOR_ADDRESS: got 'host', wanted host:port"),
        ({**OURS, 'JAX_COORDINATOR_ADDRESS': 'host:0'}, "JAX_COORDINATOR_ADDRESS: got 'host:0', wanted host:port"),
        ({**OURS, 'JAX_COORDINATOR_ADDRESS': 'host:x'}, "JAX_COORDINATOR_ADDRESS: got 'host:x', wanted host:port"),
    ],
)
def test_what_is_set_by_halves_is_one_line_with_the_knob_that_turns_it_off(environment, words):
    with pytest.raises(UsageError) as error:
        cluster.named(environment)
    assert words in str(error.value) and str(error.value).endswith(cluster.OFF)
