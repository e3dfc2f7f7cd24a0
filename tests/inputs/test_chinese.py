"""The example of README: Chinese text, vectors of 100 channels, sinusoids of the positions, and the sum."""

import contextlib
import io
import math
import pathlib
import re

import numpy as np

README = pathlib.Path(__file__).parents[2] / 'README.md'


def test_the_example_prints_what_readme_says_and_its_numbers_are_those_of_a_hand():
    section = README.read_text('utf-8').partition('## The input layer')[2]
    code, printed = (re.search(rf'```{kind}\n(.*?)```', section, re.DOTALL).group(1) for kind in ('python', 'text'))
    said, names = io.StringIO(), {}
    with contextlib.redirect_stdout(said):
        exec(code, names)
    assert said.getvalue() == printed
    lines = [line.split() for line in printed.splitlines()]
    assert [line[0] for line in lines] == list('你好，世界！') and len({line[1] for line in lines}) == 6
    for place, (_, _, *numbers) in enumerate(lines):
        word, position, entered = np.array(numbers, float).reshape(3, 3)
        # Channels 0 and 1 are one wave, 2 the sine of the next: 10000^(-2/100) = 0.8318 turns of it.
        wanted = math.sin(place), math.cos(place), math.sin(0.8317637711 * place)
        np.testing.assert_allclose(position, wanted, rtol=0, atol=5.1e-5)
        np.testing.assert_allclose(entered, word + position, rtol=0, atol=1.6e-4)
        for c in range(50):
            turn = place / 10_000 ** (2 * c / 100)
            pair = names['positions_LD'][place, 2 * c : 2 * c + 2]
            np.testing.assert_allclose(pair, [math.sin(turn), math.cos(turn)], rtol=0, atol=1e-6)
    np.testing.assert_allclose(names['entered_LD'], names['words_LD'] + names['positions_LD'], rtol=0, atol=1e-6)
    assert names['entered_LD'].shape == (6, 100)
