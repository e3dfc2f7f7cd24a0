"""The text as a string, and a regular expression."""

import math
import re

from tests.tasks.oracles import asking

LENGTHS = (60, 75, 160)
SETTINGS = [{}, dict(digits=2)]

HAY = ' The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.'
TEXT = re.compile(
    'There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you '
    r'about the important information there\.(?P<one>.*) The pass key is (?P<key>[0-9 ]+) \. Remember it\. '
    r'(?P<again>[0-9 ]+) is the pass key\.(?P<other>.*) What is the pass key\? The pass key is'
)


def answer(task, symbols):
    found = TEXT.fullmatch(' '.join(task.spelled[symbol] for symbol in symbols))
    assert found and found['key'] == found['again']
    for part in (found['one'], found['other']):
        assert (HAY * 20).startswith(part), part
    digits = found['key'].split()
    assert len(digits) == task.digits
    return [int(digit) for digit in digits]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """Every digit is drawn by itself."""
    found = asking.counted(task, batches, exact_match=10**-task.digits, token_accuracy=0.1)
    return found | dict(loss=(math.log(10), 1e-6))
