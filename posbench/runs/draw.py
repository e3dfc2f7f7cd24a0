"""`--atlas`: what every encoding looks like, and its facts, on one page."""

from posbench.devices import cpus, host
from posbench.runs import console


def run(request) -> int:
    """Draws all encodings, and that of a config where one is given; returns the exit code."""
    # One device each: nothing here is split.
    host.prepare(devices=1)
    from posbench.atlas import rows

    rows.write(request.workdir, request.config, request.config_name, processes=cpus.count(), quiet=request.quiet)
    return console.report(request.workdir)
