"""Words from tokens and tokens from words, for oracles of tasks that ask in words: a token each, or a character each."""

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
    if task.spelling == 'words':
        return [task.words[token] for token in tokens]
    text, found = ''.join(task.symbol(token) for token in tokens), []
    longer = sorted((word for word in task.words if len(word) > 1), key=len, reverse=True)
    while text:
        word = next((word for word in longer if text.startswith(f'{word} ')), text[0])
        assert word in task.words, f'no word begins {text!r}'
        found.append(word)
        text = text[len(word) + (len(word) > 1) :]
    return found


def written(task, words):
    """The tokens of words."""
    assert set(words) <= set(task.words)
    if task.spelling == 'words':
        return [task.words.index(word) for word in words]
    text = ''.join(word if len(word) == 1 else f'{word} ' for word in words)
    characters = [task.symbol(token) for token in range(task.alphabet)]
    return [characters.index(character) for character in text]
