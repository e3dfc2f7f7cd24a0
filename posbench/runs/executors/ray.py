"""Runs as tasks of a Ray cluster, each with the resources that it asks for by name.

Ray calls a task again whose worker or node is gone, --retries times, and waits for places itself. Tasks belong to this
process: where it ends they end too, and their runs have saved; the same command goes on.
"""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Sequence

from posbench.knobs.kinds import Float, Int, Range, Text, UsageError
from posbench.runs import cores, process
from posbench.runs.executors import base

# Seconds between two looks at a task.
LOOK = 0.2
GIB = 2**30
# Beginnings of the names of variables that say how programs are compiled.
PASSED_ON = ('XLA_FLAGS', 'JAX_DEFAULT_', 'JAX_DISABLE_', 'JAX_ENABLE_', 'JAX_THREEFRY_', 'JAX_PLATFORMS')
OPTIONS = {
    # Of the cluster; by default $RAY_ADDRESS, the one of this machine, or one that is started here.
    'address': Text(),
    # Of each run; by default one core.
    'cpus': Float(Range(above=0)),
    'gpus': Float(Range(min=0)),
    'memory': Int(Range(min=1)),  # GiB
    # Any other resource that nodes of the cluster have, as in resources.TPU=4.
    'resources.NAME': Float(Range(above=0)),
}


class Executor(base.Executor):
    """See the head of this file. `--jobs=N` is how many tasks there are at a time; by default Ray has all of them."""

    OPTIONS = OPTIONS
    late = base.LATE

    def __init__(self, request, options):
        super().__init__(request, options)
        try:
            import ray
        except ImportError:
            raise UsageError(
                '--executor=ray: it needs ray, which is not installed; pip install -r requirements-ray.txt'
            ) from None
        self._ray, self._retries = ray, request.retries
        self.places = request.jobs
        self._calls: list[Call] = []
        self._stopped = 0

    def __enter__(self) -> 'Executor':
        self._reach()
        # Ray takes SIGTERM.
        before = signal.getsignal(signal.SIGTERM)
        os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
        try:
            self._ray.init(
                address=self._options.get('address'),
                log_to_driver=False,
                logging_level='ERROR',
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UsageError(f'--executor=ray: {first}') from None
        finally:
            signal.signal(signal.SIGTERM, before)
        return super().__enter__()

    def __exit__(self, *error) -> None:
        super().__exit__(*error)
        self._ray.shutdown()

    def _reach(self) -> None:
        """UsageError where nothing answers at the address of the cluster, which Ray would try for many minutes."""
        address = self._options.get('address', os.environ.get('RAY_ADDRESS', ''))
        host, _, port = address.removeprefix('ray://').rpartition(':')
        if not host or not port.isdecimal():
            return
        if host in ('localhost', '127.0.0.1'):
            # As Ray does.
            host = self._ray.util.get_node_ip_address()
        try:
            socket.create_connection((host, int(port)), timeout=10).close()
        except (OSError, OverflowError) as error:
            raise UsageError(f'--executor=ray: no cluster answers at {host}:{port}: {error}') from None

    def begin(self, attempts: Sequence[base.Attempt]) -> list['Call']:
        given = self._options
        options = dict(
            num_cpus=given.get('cpus', 1),
            num_gpus=given.get('gpus', 0),
            max_retries=self._retries,
            resources={name.partition('.')[2]: given[name] for name in given if name.startswith('resources.')},
        )
        options |= dict(memory=given['memory'] * GIB) if 'memory' in given else {}
        task = self._ray.remote(_call)
        # A worker has the environment of whoever started its node; of what decides about bits it gets that of here.
        environment = {name: text for name, text in os.environ.items() if name.startswith(PASSED_ON)}
        calls = []
        for attempt in attempts:
            size = attempt.log.stat().st_size if attempt.log.exists() else 0
            named = task.options(name=attempt.name, **options)
            reference = named.remote(attempt, options['num_cpus'], options['num_gpus'], environment)
            calls.append(Call(self._ray, attempt, reference, size, self._retries + 1))
        self._calls += calls
        return calls

    def stop(self, at_once: bool) -> None:
        """Cancels the tasks, whose runs then save; after a second signal their workers are killed."""
        if self._stopped == 1 + at_once:
            return
        self._stopped = 1 + at_once
        for call in self._calls:
            if not call.is_over:
                self._ray.cancel(call.reference, force=at_once)


class Call:
    """A task."""

    def __init__(self, ray, attempt: base.Attempt, reference, size: int, calls: int):
        self.reference, self.is_over = reference, False
        self._ray, self._attempt, self._size, self._tries = ray, attempt, size, calls
        self._begun: float | None = None
        self._looked = 0.0
        self.waits, self.says = True, 'waits for a place'

    @property
    def seconds(self) -> float:
        return 0.0 if self._begun is None else time.monotonic() - self._begun

    def ended(self) -> base.Ended | None:
        if time.monotonic() - self._looked < LOOK:
            return None
        self._looked = time.monotonic()
        if not self._ray.wait([self.reference], timeout=0)[0]:
            self._look()
            return None
        self.is_over = True
        errors = self._ray.exceptions
        said = base.last_line(self._attempt.log, self._size)
        try:
            return self._ray.get(self.reference)
        except errors.TaskCancelledError:
            return base.Ended(None, self.seconds, said, 'killed', said)
        except errors.OutOfMemoryError:
            reason = f'Ray had no more memory for it on its node; it said last: {said}'
            return base.Ended(None, self.seconds, said, 'out of memory', reason, calls=self._tries)
        except errors.RayTaskError as error:
            reason = str(error).strip().splitlines()[-1]
            return base.Ended(None, self.seconds, reason, 'error', reason)
        except errors.RayError as error:
            reason = f'{type(error).__name__}; it said last: {said}'
            return base.Ended(None, self.seconds, said, 'killed', reason, calls=self._tries)

    def _look(self) -> None:
        """It has begun where its log has grown: Ray itself does not say without a dashboard."""
        with contextlib.suppress(OSError):
            if self._begun is None and self._attempt.log.stat().st_size > self._size:
                self._begun, self.waits, self.says = time.monotonic(), False, ''


def _call(attempt: base.Attempt, cpus: float, gpus: float, environment: dict[str, str]) -> base.Ended:
    """What a task does."""
    environment |= cores.of_gpu(gpus) if 0 < gpus < 1 else {}
    with process.Runner(kills=False) as runner:
        return attempt.make(runner, max(1, int(cpus)), f'{socket.gethostname()}, a task of Ray', environment)
