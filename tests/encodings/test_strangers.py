"""Encodings that are wrong, each in another way, are noticed; what was meant is not."""

import pytest

from tests.encodings import contract, strangers

CHECKS = {check.__name__: check for check in (*contract.CHECKS, contract.options.every_option_changes_something)}
# One for each check of a long sequence, of types and of a second reading; the others are asked with --all.
FEW = {
    'cached_with_neighbours',
    'documents_run_on',
    'drawn_at_evaluation',
    'float32_activations',
    'future_past_100',
    'future_rounded',
    'keys_past_200',
    'nan_past_100000',
}
PAIRS = [
    pytest.param(name, check, marks=[] if name in FEW else pytest.mark.everything)
    for name, checks in strangers.NOTICED.items()
    for check in checks
]


def test_every_stranger_is_noticed_by_some_check_here():
    assert list(strangers.NOTICED) == strangers.names() and all(strangers.NOTICED.values())
    assert {check for checks in strangers.NOTICED.values() for check in checks} <= set(CHECKS)


@pytest.mark.parametrize(('name', 'check'), PAIRS)
def test_the_check_notices_what_is_wrong_and_passes_what_was_meant(name, check):
    wrong, meant = strangers.both(name)
    with pytest.raises(AssertionError):
        CHECKS[check](wrong)
    CHECKS[check](meant)
