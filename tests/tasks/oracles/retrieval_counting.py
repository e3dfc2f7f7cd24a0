"""A program, read word by word and run."""

import math

from tests.tasks.oracles import asking

LENGTHS = (3, 10, 60)
SETTINGS = [{}, dict(variables=3)]


def answer(task, symbols):
    words = [task.symbol(symbol) for symbol in symbols]
    names, memory, steps, program = 'abcdefghijklmnopqrstuvwxyz'[: task.variables], {}, 0, words[:-2]
    while program:
        steps += 1
        if program[0] == 'pass;':
            program = program[1:]
        elif program[1:4] == ['=', '0', ';']:
            assert program[0] in names
            memory[program[0]] = 0
            program = program[4:]
        else:
            assert program[1] == '++;', program[:4]
            memory[program[0]] += 1
            assert memory[program[0]] <= 10
            program = program[2:]
    assert steps >= 3 and words[-2] == 'print'
    return [task.variables + memory[words[-1]]]


def expected(task, batch, protocol):
    return asking.expected(task, batch, answer, protocol)


def counted(task, split, length, batches):
    """At three steps, one variable: what is possible, with its probability, written out."""
    if length != 3 or task.variables != 1:
        return asking.counted(task, batches)
    # s: set, p: pass, i: count; before a value there is none to count.
    p = {'s': 1 / 51, 'p': 50 / 51}
    q = {'s': 1 / 58, 'p': 50 / 58, 'i': 7 / 58}
    zero = p['p'] ** 2 * p['s'] + p['p'] * p['s'] * (q['s'] + q['p'])
    zero += p['s'] * (q['s'] + q['p']) ** 2 + p['s'] * q['i'] * q['s']
    one = p['p'] * p['s'] * q['i'] + p['s'] * ((q['s'] + q['p']) * q['i'] + q['i'] * q['p'])
    two = p['s'] * q['i'] ** 2
    shares = [share / (zero + one + two) for share in (zero, one, two)]
    assert math.isclose(zero + one + two, 1 - p['p'] ** 3)
    found = asking.counted(task, batches, exact_match=shares[0], token_accuracy=shares[0])
    return found | dict(loss=(-sum(share * math.log(share) for share in shares), 1e-6))
