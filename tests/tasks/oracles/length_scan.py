"""Interpret a command of SCAN as its authors define it, by what its last words are (arXiv 1711.00350)."""

from tests.tasks.oracles import asking, spelling

LENGTHS = (4, 12, 24)
SETTINGS = [{}, dict(spelling='characters')]


def done(command):
    """The actions of a command, a text. AssertionError for one that is none."""
    for link in ('and', 'after'):
        if f' {link} ' in command:
            first, second = command.split(f' {link} ')
            return done(first) + done(second) if link == 'and' else done(second) + done(first)
    for times, count in (('twice', 2), ('thrice', 3)):
        if command.endswith(f' {times}'):
            return done(command.removesuffix(f' {times}')) * count
    match command.split():
        case [verb]:
            assert verb in ('walk', 'look', 'run', 'jump')
            return [f'I_{verb.upper()}']
        case ['turn', turn]:
            return turned(turn)
        case [verb, turn]:
            return turned(turn) + done(verb)
        case ['turn', 'opposite', turn]:
            return turned(turn) + turned(turn)
        case [verb, 'opposite', turn]:
            return turned(turn) + turned(turn) + done(verb)
        case ['turn', 'around', turn]:
            return turned(turn) * 4
        case [verb, 'around', turn]:
            return (turned(turn) + done(verb)) * 4
    raise AssertionError(f'{command} is no command')


def turned(turn):
    return [{'left': 'I_TURN_LEFT', 'right': 'I_TURN_RIGHT'}[turn]]


def answer(task, words):
    return done(' '.join(words))


def expected(task, batch, protocol):
    return spelling.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    return asking.counted(task, batches)
