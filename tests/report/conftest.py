import json
from pathlib import Path

import pytest

from posbench.report import canvas
from tests.report import runs


@pytest.fixture(scope='session', autouse=True)
def coarse():
    """Figures of few pixels: most of the time of a report goes into pixels. One test makes a report of full size."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(canvas, 'DPI', 40)
        yield


@pytest.fixture
def run_folder(tmp_path) -> Path:
    return runs.write_run(tmp_path / 'rope')


@pytest.fixture(scope='session')
def study_folder(tmp_path_factory) -> Path:
    """Read by many tests, so never changed by one; copy it before a change."""
    few = {run: runs.STUDY[run] for run in ('rope', 'alibi', 'randomized_rope', 'learned')}
    folder = runs.write_study(tmp_path_factory.mktemp('reports') / 'study', range(3), few)
    claims = [
        {'claim': 'alibi holds to 8x', 'verdict': 'PASS', 'evidence': 'x0.98 at 1,024, 3 seeds'},
        {'claim': 'rope holds to 8x', 'verdict': 'FAIL', 'evidence': 'x1.9 at 1,024 <3 seeds>'},
    ]
    (folder / 'claims.json').write_text(json.dumps(claims))
    (folder / 'failed.json').write_text(json.dumps({'run': 'kerple', 'reason': 'loss became NaN at step 350'}))
    return folder
