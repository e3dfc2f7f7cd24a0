"""The page of the atlas: complete without a script, searchable with one, and it asks the network for nothing."""

import json
import re

import pytest

from posbench import encodings
from posbench.atlas import mechanism
from posbench.report import atlas_page
from posbench.report.rows import ReportError

VIEWS = [
    {'kind': 'bias', 'title': 'Bias by distance', 'distances': [0, 200], 'heads': [[0.0, -1.0], [0.0, -2.0]]},
    {'kind': 'score', 'title': 'Score', 'distances': [0, 200], 'curves': {'equal key': [1.0, 0.5]}},
    {'kind': 'similarity', 'title': 'Similarity', 'positions': [0, 200], 'matrix': [[1.0, 0.2], [0.2, 1.0]]},
    {
        'kind': 'grid',
        'title': 'Grid',
        'offsets': [-1, 0, 1],
        'maps': {'head 1': [[0.0, 1.0, 0.0]] * 3, 'head 2': [[-2.0, 0.5, 3.0]] * 3},
    },
    {'kind': 'spectrum', 'title': 'Wavelengths', 'wavelengths': {'this encoding': [6.3, None], 'plain': [6.3, 20.0]}},
    {'kind': 'attention', 'title': 'Attention', 'distances': [0, 9], 'heads': [[0.0, 1.0]], 'spread': [[0.1, 0.1]]},
]
CLAIMS = {
    'shift_invariant': True, 'causal_only': False, 'reads_positions': True, 'reads_order': False, 'halo': 0, 'axes': 1,
    'needs_causal': False, 'depends_on_length': False, 'neutral_at_zero': True, 'embed_adds': True,
    'per_layer': False, 'period': 1, 'even_head_width': False, 'even_width': False, 'normaliser': 'softmax',
}  # fmt: skip


def row(name: str, group: str = 'bias', views=(VIEWS[0],), **changes) -> dict:
    return {
        'name': name, 'encoding': name, 'group': group,
        'documentation': f'{name} is an idea.\n\nA 2020 (arXiv 2001.00001).',
        'formula': 'logits -= `slope` * distance.', 'claims': CLAIMS, 'hooks': ['bias'], 'params': 12,
        'cost': {'arithmetic': 1.01, 'traffic': 1.2}, 'parameters': 'initial', 'views': list(views),
        'options': [{'name': 'slope', 'value': '1.0', 'allowed': 'a finite number'}],
        'configs': [{'name': f'{name}_config', 'about': 'As published.', 'encodings': [name], 'inside': False,
                     'changes': {'slope': '2.0'}, 'positions': 'sequential'}],
    } | changes  # fmt: skip


def write(folder, rows, **changes):
    sizes = dict(width=128, heads=4, layers=4, train_length=128, longest=1024)
    item = dict(version='0.1.0', **sizes, encodings=rows, problems=[]) | changes
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'atlas.json').write_text(json.dumps(item))
    return folder


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    names = encodings.names()
    rows = [row(name, list(atlas_page.GROUPS)[i % len(atlas_page.GROUPS)], VIEWS[:1]) for i, name in enumerate(names)]
    rows[1] |= {'views': VIEWS, 'parameters': 'random'}
    return write(tmp_path_factory.mktemp('atlas'), [*rows, {'name': 'half_done', 'error': 'ValueError: <b>no</b>'}])


@pytest.fixture(scope='module')
def html(folder):
    return atlas_page.build(folder).read_text()


def test_every_encoding_has_a_card_a_row_a_picture_and_a_file(html, folder):
    for name in encodings.names():
        assert re.search(rf'<article id="{name}"', html)
        assert re.search(rf'<th scope="row"[^>]*><a href="#{name}">{name}</a>', html)
        assert (folder / 'figures' / f'{name}-bias.png').read_bytes().startswith(b'\x89PNG')
    assert html.count('<figure>') == len(encodings.names()) + len(VIEWS) - 1


def test_the_page_asks_the_network_for_nothing(html):
    assert not re.findall(r'(?:src|action|data)\s*=\s*["\']?\s*(?:https?:)?//', html)
    assert not re.findall(r'@import|url\(|fetch\(|XMLHttpRequest|<link[^>]*stylesheet|<iframe', html)
    assert set(re.findall(r'src="([a-z/]+[:;])', html)) == {'data:'}
    assert set(re.findall(r'href="(https?://[^/"]+)', html)) == {'https://arxiv.org'}


def test_every_picture_has_words_for_those_who_do_not_see_it(html):
    texts = re.findall(r'<img [^>]*alt="([^"]*)"', html)
    assert len(texts) == html.count('<img ')
    assert any('head 2 from 0.00 at 0 to -2.00 at 200' in text for text in texts)
    assert any('1 pair not turned' in text for text in texts)
    assert any('head 2: 0.50 in the middle, 3.00 at column 1, 0.50 at row 1, 3.00 at both' in text for text in texts)


def test_search_looks_through_names_formulas_options_configs_and_claims(html):
    words = dict(re.findall(r'<article id="(\w+)".*?data-words="([^"]*)"', html))
    assert set(words) == set(encodings.names())
    for word in ('alibi', '2001.00001', 'distance', 'slope', 'alibi_config', 'changes nothing'):
        assert word in words['alibi']
    groups = set(re.findall(r'<article [^>]*data-group="(\w+)"', html))
    assert groups == set(re.findall(r'<option value="(\w+)"', html))


def test_controls_show_only_where_there_is_a_script(html):
    assert '<form id="controls" role="search" hidden>' in html
    assert not re.search(r'<article[^>]* hidden', html)


def test_what_is_drawn_with_random_parameters_says_so(html):
    assert html.count('small random parameters') == 1


def test_an_encoding_that_failed_is_listed_as_text(html):
    assert 'half_done' in html and '&lt;b&gt;no&lt;/b&gt;' in html and '<b>no</b>' not in html


def test_docstrings_are_text_and_their_papers_links(tmp_path):
    evil = row('evil', documentation='<script>alert(1)</script> `x<y`\n\nB (arXiv 2108.12409).')
    html = atlas_page.build(write(tmp_path, [evil])).read_text()
    assert '<script>alert' not in html and '<code>x&lt;y</code>' in html
    assert '<a href="https://arxiv.org/abs/2108.12409" rel="noreferrer">arXiv 2108.12409</a>' in html


def test_a_config_with_a_second_phase_says_so_and_reads_like_the_rest(tmp_path):
    config = row('rotary')['configs'][0] | {'about': 'Dropped, `so`.', 'then': 'the last 125 steps with encoding none'}
    html = atlas_page.build(write(tmp_path, [row('rotary', configs=[config])])).read_text()
    assert 'Dropped, <code>so</code>.' in html
    assert '<strong>In training: the last 125 steps with encoding none.</strong>' in html


def test_every_group_and_claim_of_the_package_has_its_words():
    assert set(atlas_page.GROUPS) == set(mechanism.GROUPS)
    claims = mechanism.claims(encodings.build('none').sized(32, 4))
    assert set(claims) == set(CLAIMS)
    assert not any(re.match(r'\w+: ', sentence) for sentence in atlas_page._claims(claims))


def test_the_same_rows_give_the_same_bytes(tmp_path):
    pages = [atlas_page.build(write(tmp_path / name, [row('alibi', views=VIEWS)])).read_bytes() for name in 'ab']
    assert pages[0] == pages[1]


@pytest.mark.parametrize(
    ('rows', 'changes', 'says'),
    [
        ([{'name': 'alibi'}], {}, 'encoding is None, wanted str'),
        ([row('alibi', group='other')], {}, "group is 'other', wanted one of nothing"),
        ([row('alibi', views=[{'kind': 'bias', 'distances': [0, 1], 'heads': [[0]]}])], {}, 'other lengths'),
        ([row('rope', views=[{'kind': 'grid', 'offsets': [0, 1], 'maps': {'a': [[0, 1]]}}])], {}, 'other lengths'),
        ([3], {}, 'damaged'),
        ([], {'width': None}, 'wanted whole numbers'),
    ],
)
def test_a_damaged_atlas_is_one_line(tmp_path, rows, changes, says):
    with pytest.raises(ReportError, match=says) as error:
        atlas_page.build(write(tmp_path, rows, **changes))
    assert '\n' not in str(error.value) and 'atlas.json' in str(error.value)
