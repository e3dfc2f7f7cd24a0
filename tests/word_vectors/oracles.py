"""The published formulas as loops over float64 numbers: one update of each trainer."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.logaddexp(0.0, x)


def pairs(found, reach):
    """(block, place of the center, places of its context) of every center with a context; places count in the row."""
    center_BT, inside_BTC = np.asarray(found.center_BT), np.asarray(found.inside_BTC)
    blocks = len(center_BT) // found.rows
    for b, t in np.argwhere(inside_BTC.any(2)):
        within = b % blocks * center_BT.shape[1]
        around = [within + c - reach for c in np.flatnonzero(inside_BTC[b, t])]
        yield b, within + t, around


class Sums:
    """Gradients of a table: one a key, which says whose they are; the row that each belongs to, and who gave it."""

    def __init__(self):
        self.parts, self.rows, self.givers = {}, {}, {}

    def add(self, key, row, gradient, giver=None):
        self.parts[key] = self.parts.get(key, 0.0) + gradient
        self.rows[key] = row
        self.givers.setdefault(row, set()).add(giver or key)

    def step(self, table, squares, rate, cap):
        """SGD, or AdaGrad by rows: every gradient is squared on its own, and divided by the root of the row's sum.

        Of more gradients than `cap` each counts as much less as there are more.
        """
        table = table.copy()
        share = {row: 1.0 if cap is None else min(1.0, cap / len(givers)) for row, givers in self.givers.items()}
        parts = {key: gradient * share[self.rows[key]] for key, gradient in self.parts.items()}
        if squares is None:
            for key, gradient in parts.items():
                table[self.rows[key]] -= rate * gradient
            return table, None
        squares = squares.copy()
        for key, gradient in parts.items():
            squares[self.rows[key]] += np.mean(gradient**2)
        for key, gradient in parts.items():
            table[self.rows[key]] -= rate * gradient / np.sqrt(squares[self.rows[key]] + 1e-10)
        return table, squares


def word2vec(trainer, found, params, squares, rate, *, mean, rows_of=None, objective, measured):
    """(loss a pair, params, squares) after one update by all windows that were found.

    mean: CBOW, where the mean of a window predicts its center; otherwise each of its words does.
    rows_of(word): the rows of the input table whose mean a word's vector is; None: its own.
    objective(x, word, block, at, output, sums): adds the gradients of the output table, returns (loss, dx).
    measured: the loss is that of every so many blocks.
    """
    table, output = params['input'].astype(np.float64), params['output'].astype(np.float64)
    blocks, block = len(found.center_BT) // found.rows, found.center_BT.shape[1]
    words_RT = np.asarray(found.center_BT).reshape(found.rows, blocks * block)
    of_input, of_output = Sums(), Sums()
    loss, count = 0.0, 0

    def vector(word):
        return table[word] if rows_of is None else table[rows_of(word)].mean(0)

    def back(row, place, gradient):
        word = words_RT[row, place]
        if rows_of is None:
            of_input.add((row, place), word, gradient)
        else:
            # fastText: one gradient a word, whole for each of its rows.
            for number, at in enumerate(rows_of(word)):
                of_input.add((word, number), at, gradient, giver=(row, place, number))

    for b, place, around in pairs(found, trainer.window):
        row = b // blocks
        word = words_RT[row, place]
        xs = [vector(words_RT[row, c]) for c in around]
        for x, places in [(np.mean(xs, 0), around)] if mean else [(x, [c]) for x, c in zip(xs, around)]:
            one, dx = objective(x, word, b, (row, place), output, of_output)
            if b % measured == 0:
                loss, count = loss + one, count + 1
            for c in places:
                back(row, c, dx)
    new_input, squares_in = of_input.step(table, squares and squares['input'].astype(np.float64), rate, trainer.cap)
    new_output, squares_out = of_output.step(
        output,
        squares and squares['output'].astype(np.float64),
        rate,
        None if objective is full_softmax else trainer.cap,
    )
    return loss / count, dict(input=new_input, output=new_output), dict(input=squares_in, output=squares_out)


def negative_sampling(negatives_BM, k):
    """Mikolov et al. 2013, equation 4, its k expected words replaced by M drawn ones of weight k / M."""

    def objective(x, word, block, at, output, sums):
        u = output[word]
        loss, dx = softplus(-x @ u), -sigmoid(-x @ u) * u
        sums.add(('word', *at), word, -sigmoid(-x @ u) * x)
        share = k / negatives_BM.shape[1]
        for m, negative in enumerate(negatives_BM[block]):
            u = output[negative]
            loss += share * softplus(x @ u)
            dx = dx + share * sigmoid(x @ u) * u
            sums.add(('negative', block, m), negative, share * sigmoid(x @ u) * x)
        return loss, dx

    return objective


def hierarchical_softmax(tree):
    """Equation 3: the turns of the path to the word."""

    def objective(x, word, block, at, output, sums):
        loss, dx = 0.0, 0.0
        for level, (node, sign) in enumerate(zip(tree.node_VL[word], tree.sign_VL[word].astype(np.float64))):
            if sign:
                u = output[node]
                loss += softplus(-sign * (x @ u))
                g = -sign * sigmoid(-sign * (x @ u))
                dx = dx + g * u
                sums.add((level, *at), node, g * x)
        return loss, dx

    return objective


def full_softmax(x, word, block, at, output, sums):
    """Equation 2. Every row has one gradient, of the whole batch."""
    logits = output @ x
    share = np.exp(logits - logits.max())
    share /= share.sum()
    up = share - (np.arange(len(output)) == word)
    for row in range(len(output)):
        sums.add(row, row, up[row] * x)
    return -np.log(share[word]), up @ output


def glove(params, squares, cells, rate, x_max, alpha):
    """(mean loss, params, squares): Pennington et al. 2014, equations 8 and 9, and AdaGrad as in the authors' code."""
    word, context = (params[name].astype(np.float64) for name in ('word', 'context'))
    square_w, square_c = (squares[name].astype(np.float64) for name in ('word', 'context'))
    new = [word.copy(), context.copy(), square_w.copy(), square_c.copy()]
    loss = 0.0
    for i, j, x in cells:
        f = min(1.0, (x / x_max) ** alpha)
        difference = word[i, :-1] @ context[j, :-1] + word[i, -1] + context[j, -1] - np.log(x)
        loss += 0.5 * f * difference**2
        step_w = rate * f * difference * np.append(context[j, :-1], 1.0)
        step_c = rate * f * difference * np.append(word[i, :-1], 1.0)
        new[0][i] -= step_w / np.sqrt(square_w[i])
        new[1][j] -= step_c / np.sqrt(square_c[j])
        new[2][i] += step_w**2
        new[3][j] += step_c**2
    return loss / len(cells), dict(word=new[0], context=new[1]), dict(word=new[2], context=new[3])


def cooccurrences(sentences, words, window, harmonic):
    """The matrix of counts [V, V], of sentences of words."""
    number = {word: i for i, word in enumerate(words)}
    counts = np.zeros((len(words), len(words)))
    for sentence in sentences:
        ids = [number[word] for word in sentence if word in number]
        for t, a in enumerate(ids):
            for distance, b in enumerate(ids[t + 1 : t + 1 + window], start=1):
                weight = 1 / distance if harmonic else 1.0
                counts[a, b] += weight
                counts[b, a] += weight
    return counts


def cell(kind, counts):
    """The matrix that is factorised, of a matrix of counts."""
    out = np.zeros_like(counts)
    for i, j in np.argwhere(counts):
        c = counts[i, j]
        out[i, j] = {
            'raw': c,
            'log': np.log(1 + c),
            'saturating': c / (1 + c + np.sqrt(c) + 1 / c),
            'ppmi': max(
                0.0, np.log((c / counts.sum()) / (counts[i].sum() / counts.sum() * counts[:, j].sum() / counts.sum()))
            ),
        }[kind]
    return out
