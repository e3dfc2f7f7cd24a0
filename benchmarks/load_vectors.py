"""Loads a file of word vectors with posbench and with gensim, and prints the time and the memory of both.

    pip install -r requirements-dev.txt
    python -m benchmarks.load_vectors                      # GloVe 6B 50d, fetched by name: 171 MB of text
    python -m benchmarks.load_vectors path/to/vectors.txt  # any other text of vectors

The file is written once in each format that is compared, below a temporary folder. Each load is a process of its own,
and the readers take turns, so that whatever else the machine does hits both. A process times the load alone, without
its imports, and its memory is the highest that it ever had, imports included; `mapped` is what of it belongs to files,
programs and a mapped file of vectors, in the cache of the system. All have to find the same words and vectors, to the
bit, or the exit code is 1.
"""

import argparse
import collections
import gzip
import importlib.util
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

READERS = {
    'posbench': """
from posbench import word_vectors
def load(path, kind):
    found = word_vectors.load(path)
    return found.words, found.vectors_VD
""",
    'gensim': """
from gensim.models import KeyedVectors
def load(path, kind):
    found = KeyedVectors.load_word2vec_format(path, binary=kind == 'binary', no_header=kind == 'glove')
    return found.index_to_key, found.vectors
""",
}
# Memory by /proc, which begins anew with a program; getrusage remembers that of the one before.
CHILD = """
import hashlib, json, re, sys, time
{reader}
wall, cpu = time.perf_counter(), time.process_time()
words, vectors = load(*sys.argv[1:])
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
status = open('/proc/self/status', encoding='utf-8').read()
peak, mapped = (int(re.search(name + r':\\s+(\\d+)', status)[1]) / 1024 for name in ('VmHWM', 'RssFile'))
digest = hashlib.sha256('\\n'.join(words).encode() + vectors.tobytes()).hexdigest()
print(json.dumps(dict(wall=wall, cpu=cpu, peak=peak, mapped=mapped, words=len(words), digest=digest)))
"""
# What is loaded: how gensim has to be told of it, and the name that it gets. None: gensim has no such format.
FILES = {
    'GloVe text': ('glove', 'vectors.txt', 'glove'),
    'GloVe text, gzip': ('glove', 'vectors.txt.gz', 'glove'),
    'word2vec text': ('text', 'vectors.w2v', 'word2vec_text'),
    'word2vec binary': ('binary', 'vectors.bin', 'word2vec_binary'),
    'safetensors': (None, 'vectors.safetensors', 'safetensors'),
}


def write(original: pathlib.Path, folder: pathlib.Path) -> None:
    """The vectors of a file in every format; a GloVe text stays the bytes that it is."""
    from posbench import word_vectors
    from posbench.word_vectors import formats

    vectors = word_vectors.load(original)
    with formats.opened(original) as stream:
        is_glove = formats.tell(stream) == 'glove'
    for _, name, format in FILES.values():
        if format == 'glove' and is_glove and not name.endswith('.gz'):
            shutil.copyfile(original, folder / name)
        elif name.endswith('.gz'):
            with (folder / 'vectors.txt').open('rb') as text, gzip.open(folder / name, 'wb', 1) as packed:
                shutil.copyfileobj(text, packed)
        else:
            vectors.save(folder / name, format)


def run(reader: str, path: pathlib.Path, kind: str | None) -> dict:
    """What one load took, in a process of its own."""
    command = [sys.executable, '-c', CHILD.format(reader=READERS[reader]), str(path), str(kind)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, encoding='utf-8')
    if done.returncode:
        sys.exit(f'{reader} cannot load {path}; what it said stands above.')
    return json.loads(done.stdout)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('path', nargs='?', type=pathlib.Path)
    parser.add_argument('--rounds', type=int, default=5)
    options = parser.parse_args(argv)
    if importlib.util.find_spec('gensim') is None:
        sys.exit('gensim is not installed; pip install -r requirements-dev.txt')
    if options.path is None:
        from benchmarks import fetch_glove

        options.path = fetch_glove.obtain()
    found = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own too: this one stays small.
        code = 'import pathlib, sys; from benchmarks.load_vectors import write; write(*map(pathlib.Path, sys.argv[1:]))'
        subprocess.run([sys.executable, '-c', code, str(options.path), folder], check=True)
        for _ in range(options.rounds):
            for what, (kind, name, _) in FILES.items():
                for reader in READERS:
                    if reader == 'posbench' or kind is not None:
                        found[what, reader].append(run(reader, pathlib.Path(folder, name), kind))
    runs = [one for some in found.values() for one in some]
    print(f'{options.path.name}: {runs[0]["words"]:,} words, {options.rounds} rounds\n')
    print('| file | reader | s, median (lowest to highest) | s of CPU, median | peak MiB | of it mapped |')
    print('| --- | --- | ---: | ---: | ---: | ---: |')
    for (what, reader), some in found.items():
        wall = sorted(one['wall'] for one in some)
        cpu, peak, mapped = (statistics.median(one[name] for one in some) for name in ('cpu', 'peak', 'mapped'))
        seconds = f'{statistics.median(wall):.2f} ({wall[0]:.2f} to {wall[-1]:.2f})'
        print(f'| {what} | {reader} | {seconds} | {cpu:.2f} | {peak:.0f} | {mapped:.0f} |')
    same = len({one['digest'] for one in runs}) == 1
    print('\nAll found the same words and vectors, to the bit.' if same else '\nThey found DIFFERENT vectors.')
    return 0 if same else 1


if __name__ == '__main__':
    sys.exit(main())
