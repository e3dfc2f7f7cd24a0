"""Words from tokens and tokens from words, for oracles of tasks that ask in words, spelled out or not."""

import functools

from tests.tasks.oracles import asking


def expected(task, batch, answer, protocol):
    """As `asking.expected`, where `answer` is a function of words that gives words."""

    @functools.wraps(answer)
    def in_tokens(task, symbols):
        return written(task, answer(task, read(task, symbols)))

    return asking.expected(task, batch, in_tokens, protocol)


def read(task, tokens):
    """The words that tokens stand for. AssertionError where they stand for none."""
    words, letters = task.words, symbols(task)
    if task.spelling == 'words':
        return [words[token] for token in tokens]
    text, found = ''.join(letters[token] for token in tokens), []
    longer = sorted((word for word in words if len(word) > 1), key=len, reverse=True)
    while text:
        word = next((word for word in longer if text.startswith(f'{word} ')), text[0])
        assert word in words, f'no word begins {text!r}'
        found.append(word)
        text = text[len(word) + (len(word) > 1) :]
    return found


def written(task, words):
    """The tokens of words."""
    assert set(words) <= set(task.words)
    spelled = words if task.spelling == 'words' else ''.join(f'{word} ' if len(word) > 1 else word for word in words)
    number = {symbol: token for token, symbol in enumerate(symbols(task))}
    return [number[symbol] for symbol in spelled]


@functools.lru_cache(maxsize=8)
def symbols(task):
    """How each token is written."""
    return [task.symbol(token) for token in range(task.alphabet)]
