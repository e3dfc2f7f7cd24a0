"""A study on a cluster that takes its machines away, compared with the same study on this machine alone.

    pip install -r requirements-slurm.txt -r requirements-ray.txt
    python -m benchmarks.cluster --on=slurm,ray --runs=24      # a quarter of an hour on two idle cores
    python -m benchmarks.cluster --on=ray --runs=4

The runs are those of kill_sweep.py, by the real command. On Slurm a node is drained and comes back, jobs are preempted
by those of a partition that may, jobs get the signal that comes before their time is over, and the driver is killed:
at moments drawn at random. On Ray a node is killed, and another one comes. Then each run must have been completed
exactly once (its rows.jsonl was written once, by watching its inode), and rows, study.json and report.md have to be
those of --executor=local. Exit code 0 if all that is so, else 1.
"""

import argparse
import importlib.util
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import cluster_slurm, kill_sweep
from benchmarks.kill_sweep import Sweep

# Compiled without most optimizations: it is not speed that is compared here.
CHEAP = dict(
    JAX_DISABLE_MOST_OPTIMIZATIONS='1',
    XLA_FLAGS='--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1',
)


def on_slurm(scratch: Path, names: list[str], rng: random.Random) -> Sweep:
    """The study on Slurm, disturbed."""
    count = len(names)
    # (runs that are done by then, what happens)
    events = [(rng.randint(0, 2 * count // 3), 'preempt') for _ in range(max(count // 5, 2))]
    events += [(rng.randint(0, 2 * count // 3), 'warn') for _ in range(max(count // 8, 1))]
    drained = rng.randint(0, count // 2)
    events += [(drained, 'drain'), (drained + max(count // 6, 1), 'resume'), (rng.randint(0, count // 2), 'kill')]
    events.sort(key=lambda event: event[0])
    happened: list[str] = []
    with cluster_slurm.Slurm(scratch / 'slurm') as slurm:
        flags = ['--executor=slurm', '--executor.partition=runs', '--executor.time=120']
        sweep = Sweep(scratch, 'slurm-study', flags, CHEAP | slurm.environment)
        driver, due = sweep.start(), None
        while driver.poll() is None:
            done, running = sweep.look(), slurm.running()
            slurm.hurry()
            ready = [event for event in events if event[0] <= done]
            if ready and due is None:
                # Not at once, or it would hit the run that has just written its rows, or has not begun again.
                due = time.monotonic() + rng.uniform(2, 10)
            if ready and time.monotonic() >= due and (running or ready[0][1] == 'resume'):
                events.remove(ready[0])
                what, due = ready[0][1], None
                job, node = rng.choice(sorted(running.items())) if running else ('', '')
                if what == 'kill':
                    driver.kill()
                    driver.wait()
                    driver = sweep.start()
                elif what in ('drain', 'resume'):
                    getattr(slurm, what)('n1')
                else:
                    getattr(slurm, what)(dict(preempt=node, warn=job)[what])
                happened.append(what)
                print(f'{done} of {count} done: {_words(what, job, node)}', flush=True)
            time.sleep(1)
        sweep.look()
    counts = ', '.join(f'{happened.count(what)} {what}' for what in sorted(set(happened)))
    print(f'Slurm: {counts}; {sweep.ended(driver.returncode)}.')
    if events:
        print(f'Too late for: {", ".join(what for _, what in events)}.')
    starts = cluster_slurm.starts(sweep.folder)
    more = sum(number > 1 for number in starts.values())
    print(
        f'{cluster_slurm.jobs(sweep.folder)} jobs were submitted for {count} runs; {sum(starts.values())} starts, more '
        f'than one of {more} runs.'
    )
    return sweep


def on_ray(scratch: Path, names: list[str], rng: random.Random) -> Sweep:
    """The study on Ray, of whose two nodes one is killed."""
    # Ray takes 127.0.0.1 for the address by which other machines reach this one, which it then has to be.
    os.environ['RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER'] = '0'
    from ray.cluster_utils import Cluster

    moment = rng.randint(1, max(len(names) // 2, 1))
    cluster = Cluster(initialize_head=True, head_node_args=dict(num_cpus=0, node_ip_address='127.0.0.1'))
    try:
        nodes = [cluster.add_node(num_cpus=1, node_ip_address='127.0.0.1') for _ in range(2)]
        flags = ['--executor=ray', f'--executor.address={cluster.address}']
        sweep = Sweep(scratch, 'ray-study', flags, CHEAP)
        driver = sweep.start()
        while driver.poll() is None:
            done = sweep.look()
            if nodes and done >= moment and any(map(sweep.worker, names)):
                time.sleep(rng.uniform(0, 10))
                cluster.remove_node(nodes.pop(), allow_graceful=False)
                print(f'{done} of {len(names)} done: a node of Ray was killed', flush=True)
                cluster.add_node(num_cpus=1, node_ip_address='127.0.0.1')
                nodes.clear()
            time.sleep(0.5)
        sweep.look()
    finally:
        cluster.shutdown()
    print(f'Ray: {sweep.ended(driver.returncode)}.')
    return sweep


def _words(what: str, job: str, node: str) -> str:
    return {
        'preempt': f'{node} was given to somebody else, while it had job {job}',
        'warn': f'job {job} got the signal that comes before its time is over',
        'drain': 'n1 was drained',
        'resume': 'n1 came back',
        'kill': 'the driver was killed, and started again',
    }[what]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--on', default='slurm', help='slurm, ray, or slurm,ray')
    parser.add_argument('--runs', type=int, default=24)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--scratch', help='a new folder that is kept; by default one that is not')
    options = parser.parse_args(argv)
    engines, names = dict(slurm=on_slurm, ray=on_ray), [f'run_{number}' for number in range(options.runs)]
    wanted = options.on.split(',')
    if not set(wanted) <= set(engines):
        parser.error(f'--on: got {options.on!r}, wanted {", ".join(engines)}, or both')
    for name in wanted:
        if importlib.util.find_spec(dict(slurm='submitit', ray='ray')[name]) is None:
            parser.error(f'--on={name}: pip install -r requirements-{name}.txt')
    with tempfile.TemporaryDirectory() as temporary:
        scratch = Path(options.scratch or temporary).absolute()
        scratch.mkdir(parents=True, exist_ok=True)
        kill_sweep.prepare(scratch, options.runs)
        calm, begun = Sweep(scratch, 'local-study', ['--jobs=2'], CHEAP), time.monotonic()
        code = calm.start().wait()
        calm.look()
        print(f'Local, two runs at a time: {time.monotonic() - begun:.0f} s, {calm.ended(code)}.', flush=True)
        good = [code == 0]
        for name in wanted:
            begun = time.monotonic()
            try:
                sweep = engines[name](scratch, names, random.Random(options.seed))
            except cluster_slurm.Unavailable as error:
                print(f'{name}: not run: {error}')
                return 1
            print(f'{name}: {time.monotonic() - begun:.0f} s.')
            good.append(kill_sweep.compare(calm, sweep, names))
    return 0 if all(good) else 1


if __name__ == '__main__':
    sys.exit(main())
