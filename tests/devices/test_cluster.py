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
GKE = dict(TPU_WORKER_HOSTNAMES='w0,w1,w2,w3', TPU_WORKER_ID='2')


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


def test_a_slice_of_tpus_is_found_by_what_gke_sets():
    assert cluster.named(GKE)[:3] == ('w0:8482', 4, 2)
    assert cluster.named(GKE | dict(JAX_COORDINATOR_PORT='99'))[0] == 'w0:99'
    assert cluster.named(GKE | dict(TPU_PROCESS_ADDRESSES='a:1,b:1', TPU_WORKER_ID='1'))[:3] == ('a:8482', 2, 1)
    slices = dict(MEGASCALE_NUM_SLICES='3', MEGASCALE_SLICE_ID='1', MEGASCALE_COORDINATOR_ADDRESS='first:8080')
    assert cluster.named(GKE | slices)[:3] == ('first:8482', 12, 6)
    assert cluster.named(GKE | OURS)[:3] == ('host:1234', 2, 1)
    assert cluster.named(dict(TPU_WORKER_HOSTNAMES='localhost', TPU_WORKER_ID='0')) is None


@pytest.mark.parametrize(
    ('environment', 'finds'),
    [
        ({}, True),
        (dict(JAX_PLATFORMS='tpu,cpu'), True),
        (dict(JAX_PLATFORMS='cpu'), False),
        (dict(TPU_VISIBLE_CHIPS='0'), False),
        (dict(TPU_SKIP_MDS_QUERY='1'), False),
        # A host alone, as notebooks have it.
        (dict(TPU_WORKER_HOSTNAMES='localhost'), False),
    ],
)
def test_by_chips_alone_jax_is_asked_for_other_hosts(environment, finds):
    found = cluster.named(environment, chips=4)
    assert (found == (None, None, None, cluster.CHIPS)) if finds else found is None
    assert cluster.named(environment, chips=0) is None


def test_chips_are_counted_where_there_is_a_library_for_them(tmp_path, monkeypatch):
    for name, vendor, kind in (('a', '0x1ae0', '0x0063'), ('b', '0x1ae0', '0x0042'), ('c', '0x10de', '0x0063')):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'vendor').write_text(vendor + '\n')
        (tmp_path / name / 'device').write_text(kind + '\n')
    monkeypatch.setattr(cluster.importlib.util, 'find_spec', lambda name: None)
    assert cluster._tpu_chips(tmp_path) == 0
    monkeypatch.setattr(cluster.importlib.util, 'find_spec', lambda name: name)
    assert cluster._tpu_chips(tmp_path) == 1


def test_a_pod_of_kubernetes_knows_its_own_number_alone():
    pod = dict(KUBERNETES_SERVICE_HOST='10.0.0.1', JOB_COMPLETION_INDEX='1')
    given = {name: value for name, value in OURS.items() if name != 'JAX_PROCESS_ID'}
    assert cluster.named(pod) is None
    assert cluster.named(pod | given)[:3] == ('host:1234', 2, 1)
    assert 'JOB_COMPLETION_INDEX=1' in cluster.named(pod | given).wanted
    assert cluster.named(pod | OURS | dict(JAX_PROCESS_ID='0'))[2] == 0
    assert 'JAX_NUM_PROCESSES' in cluster.asked(pod).wanted and cluster.asked({}).named_by == 'config.distributed=true'
    with pytest.raises(UsageError, match='JOB_COMPLETION_INDEX: got 5, wanted a number below JAX_NUM_PROCESSES'):
        cluster.named(pod | given | dict(JOB_COMPLETION_INDEX='5'))


@pytest.mark.parametrize(
    ('environment', 'part'), [({}, None), (OURS, (1, 2)), (SRUN, (3, 4)), (MPIRUN, (2, 3)), (GKE, (2, 4))]
)
def test_a_process_that_leaves_is_one_of_none(environment, part):
    environment = dict(environment)
    assert cluster.part(environment) == part
    cluster.leave(environment)
    assert cluster.named(environment, chips=4 if 'TPU_WORKER_ID' in environment else 0) is None


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
        ({**GKE, 'TPU_WORKER_ID': ''}, 'names a slice of TPUs, which also needs TPU_WORKER_ID'),
        ({**GKE, 'TPU_WORKER_ID': '4'}, 'TPU_WORKER_ID: got 4, wanted one of the 4 of TPU_WORKER_HOSTNAMES'),
        ({**GKE, 'MEGASCALE_NUM_SLICES': '2'}, 'needs MEGASCALE_SLICE_ID and MEGASCALE_COORDINATOR_ADDRESS'),
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
