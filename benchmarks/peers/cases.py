"""What is compared, section by section: cases, each of which has its subjects take turns, and what is aimed at."""

import dataclasses
from collections.abc import Callable

from benchmarks.peers.turns import Subject

PACKAGE = 'benchmarks.peers'
# The decoder of research on speed: about 3.3 M parameters.
DECODER = dict(width=256, layers=4, heads=8, hidden=1024, vocabulary=256)
TOKENS = 4096  # a step
ENCODINGS = ('none', 'rotary', 'alibi', 't5')
# Ruoss et al. 2023 (arXiv 2305.16843), appendix B.
PAPER = dict(layers=5, width=64, heads=8)
PAPER_BATCH, PAPER_LENGTH = 128, 40


@dataclasses.dataclass(frozen=True)
class Case:
    """Subjects side by side.

    amount, unit: what one `seconds` of a row is for, such as 4,096 tokens.
    aim: posbench is to be so many times as fast as the best of the peers named in `beside` (None: of all).
    fresh: every round starts each process anew, and what comes before its first turn is the measurement.
    """

    section: str
    title: str
    subjects: tuple[Subject, ...]
    amount: float
    unit: str
    aim: float | None = None
    beside: tuple[str, ...] | None = None
    fresh: bool = False


@dataclasses.dataclass(frozen=True)
class Settings:
    """What the command was told: where peers run, where what is not in a package lies, and how large cases may be.

    tiny: shapes that show in a minute that everything runs; the figures mean nothing.
    """

    python: str | None = None
    haiku_loop: str | None = None
    text: str = 'medium'
    tiny: bool = False


def ours(name: str, module: str, function: str, **options) -> Subject:
    """A subject of posbench, which runs where the command does."""
    return Subject(name, f'{PACKAGE}.{module}', function, options)


def theirs(settings: Settings, name: str, module: str, function: str, **options) -> Subject:
    """A subject of a peer."""
    return Subject(name, f'{PACKAGE}.{module}', function, options, settings.python)


def step(settings: Settings) -> list[Case]:
    """A training step of one decoder: forward, backward, AdamW."""
    found = []
    for length in (32,) if settings.tiny else (256, 1024):
        decoder = dict(DECODER, layers=1) if settings.tiny else DECODER
        batch = (128 if settings.tiny else TOKENS) // length
        for encoding in ENCODINGS:
            size = dict(decoder, length=length, batch=batch, steps=2, encoding=encoding)
            subjects = [
                ours('posbench', 'of_posbench', 'train', **size),
                theirs(settings, 'torch', 'of_torch', 'train', **size),
                theirs(settings, 'torch, compiled', 'of_torch', 'train', compiled=True, **size),
                theirs(settings, 'x-transformers', 'of_x_transformers', 'train', **size),
                ours('plain linen', 'of_linen', 'train', **size),
                theirs(settings, 'torch, matrix product', 'of_torch', 'product'),
            ]
            if encoding != 't5':
                # It has no flash attention with a bias that is learned.
                flash = theirs(settings, 'x-transformers, flash', 'of_x_transformers', 'train', flash=True, **size)
                subjects.insert(3, flash)
            aim = 1.3 if encoding in ('alibi', 't5') else 1.15
            title = f'{encoding}, {batch} x {length} tokens'
            found.append(Case('step', title, tuple(subjects), batch * length, 'tokens', aim))
    return found


def attention(settings: Settings) -> list[Case]:
    """Attention alone, batch 1, 8 heads of 32 channels, causal; the gradient is by queries, keys and values."""
    found = []
    for encoding in ('rotary', 'alibi'):
        for length in (64,) if settings.tiny else (512, 1024, 2048, 4096, 8192, 16384):
            for gradient in (False, True):
                # About as long for each length, and a second or so.
                repeats = 1 if settings.tiny else max(1, 8192**2 // (8 * length**2))
                size = dict(encoding=encoding, length=length, gradient=gradient, repeats=repeats)
                subjects = (
                    ours('posbench', 'of_posbench', 'attend', **size),
                    theirs(settings, 'torch', 'of_torch', 'attend', **size),
                )
                title = f'{encoding}, {length:,} tokens, {"gradient" if gradient else "forward"}'
                found.append(Case('attention', title, subjects, length, 'tokens', 1.0))
    return found


def generation(settings: Settings) -> list[Case]:
    """Greedy generation with a cache: eight prompts of 32 tokens, 256 new ones."""
    size = dict(DECODER, batch=8, prompt=32, tokens=256)
    if settings.tiny:
        size |= dict(layers=1, tokens=8)
    subjects = [ours(f'posbench, {name}', 'of_posbench', 'generate', encoding=name, **size) for name in ENCODINGS]
    subjects += [
        theirs(settings, 'transformers, Llama', 'of_transformers', 'generate', **size),
        theirs(settings, 'x-transformers, rotary', 'of_x_transformers', 'generate', encoding='rotary', **size),
        theirs(settings, 'x-transformers, alibi', 'of_x_transformers', 'generate', encoding='alibi', **size),
    ]
    amount = size['batch'] * size['tokens']
    return [Case('generation', f'8 x {size["tokens"]} tokens', tuple(subjects), amount, 'tokens', 1.5)]


def algorithmic(settings: Settings) -> list[Case]:
    """Training of chomsky/reverse_string at the size of Ruoss et al. 2023: lengths 1 to 40, batches of 128."""
    paper = dict(PAPER, layers=1) if settings.tiny else PAPER
    batch = 8 if settings.tiny else PAPER_BATCH
    lengths = [3, 5] if settings.tiny else list(range(1, PAPER_LENGTH + 1))
    # Enough draws of a length that their mean is that of all lengths.
    steps = 2 if settings.tiny else 40
    found = []
    for encoding in ('rotary', 'sinusoidal', 'none'):
        peer = dict(paper, encoding=encoding, batch=batch, lengths=lengths, steps=steps, checkout=settings.haiku_loop)
        own = dict(encoding=encoding, paper=paper, batch=batch, length=lengths[-1], tiny=settings.tiny)
        subjects = (
            _algorithmic('posbench, one seed', seeds=1, pairs=False, **own),
            *(_algorithmic(f'posbench, pairs, {seeds} seeds', seeds=seeds, pairs=True, **own) for seeds in (1, 5, 8)),
            theirs(settings, 'Haiku loop, one seed', 'haiku_loop', 'train', **peer),
        )
        found.append(Case('algorithmic', encoding, subjects, batch, 'examples', 3.0))
    return found


def _algorithmic(
    name: str, *, encoding: str, paper: dict, batch: int, length: int, tiny: bool, seeds: int, pairs: bool
) -> Subject:
    """configs/tasks/chomsky.py with the paper's model; `pairs`: two questions a row, in half as many rows."""
    knobs = {f'model.{knob}': value for knob, value in paper.items()} | {
        'encoding.name': encoding,
        'model.hidden': 4 * paper['width'],
        'model.dropout': 0.1,
        'train.batch_size': batch // 2 if pairs else batch,
        'train.length': length,
        'task.pairs': pairs,
        'seeds': tuple(range(seeds)),
    }
    options = dict(config='configs/tasks/chomsky.py', knobs=knobs, steps=2 if tiny else 10)
    return ours(name, 'job_steps', 'train', **options)


def startup(settings: Settings) -> list[Case]:
    """From the start of the process to the end of the first training step."""
    size = dict(DECODER, length=256, batch=16, steps=1, encoding='rotary')
    subjects = (
        ours('posbench', 'of_posbench', 'train', **size),
        ours('posbench, again', 'of_posbench', 'train', cached=True, **size),
        theirs(settings, 'torch', 'of_torch', 'train', **size),
        theirs(settings, 'torch, compiled', 'of_torch', 'train', compiled=True, **size),
        theirs(settings, 'x-transformers', 'of_x_transformers', 'train', **size),
        ours('plain linen', 'of_linen', 'train', **size),
    )
    return [Case('startup', 'to the first step', subjects, 1, 'starts', fresh=True)]


def memory(settings: Settings) -> list[Case]:
    """The most memory that a process had: of training, and of the gradient of attention."""
    found = []
    for length in (32,) if settings.tiny else (256, 1024):
        size = dict(DECODER, length=length, batch=TOKENS // length, steps=1, encoding='alibi')
        size |= dict(layers=1, batch=2) if settings.tiny else {}
        subjects = (
            ours('posbench', 'of_posbench', 'train', **size),
            theirs(settings, 'torch', 'of_torch', 'train', **size),
            theirs(settings, 'x-transformers', 'of_x_transformers', 'train', **size),
            ours('plain linen', 'of_linen', 'train', **size),
        )
        found.append(Case('memory', f'alibi, a step of {size["batch"]} x {length} tokens', subjects, 1, 'steps'))
    for length in (64,) if settings.tiny else (2048, 8192, 16384):
        size = dict(encoding='alibi', length=length, gradient=True, repeats=1)
        subjects = (
            ours('posbench', 'of_posbench', 'attend', **size),
            theirs(settings, 'torch', 'of_torch', 'attend', **size),
        )
        found.append(Case('memory', f'alibi, the gradient of attention over {length:,} tokens', subjects, 1, 'calls'))
    return found


def vectors(settings: Settings) -> list[Case]:
    """An epoch of word vectors, 100 numbers a word, as benchmarks.word_vectors trains and scores them."""
    found = []
    for kind in ('skipgram',) if settings.tiny else ('skipgram', 'cbow', 'fasttext-skipgram', 'fasttext-cbow'):
        given = dict(kind=kind, text='austen' if settings.tiny else settings.text, epochs=1)
        subjects = (
            ours('posbench', 'of_words', 'posbench', **given),
            theirs(settings, 'gensim', 'of_words', 'gensim', **given),
        )
        found.append(Case('vectors', f'{kind}, {given["text"]}', subjects, 1, 'words', 1.0, fresh=True))
    return found


SECTIONS: dict[str, Callable[[Settings], list[Case]]] = {
    one.__name__: one for one in (step, attention, generation, algorithmic, startup, memory, vectors)
}
