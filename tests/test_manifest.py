import json
import os

import pytest

from posbench import manifest


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'step'
    (folder / 'inner').mkdir(parents=True)
    (folder / 'inner' / 'data').write_bytes(bytes(range(64)))
    (folder / 'empty').write_bytes(b'')
    manifest.write(folder, {'step': 7, 'notes': {'loss': 0.1, 3: 'three'}})
    return folder


def test_what_was_written_is_verified_and_read_back(folder):
    content = manifest.verify(folder)
    assert content['step'] == 7
    assert content['notes'] == {'loss': 0.1, '3': 'three'}
    assert content['files']['inner/data']['size'] == 64
    # sha256 of nothing, as printed by `sha256sum /dev/null`
    assert content['files']['empty']['sha256'] == 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'


def test_a_flip_of_any_bit_of_the_manifest_is_noticed(folder):
    path = folder / manifest.NAME
    data = path.read_bytes()
    for at in range(len(data)):
        for bit in range(8):
            path.write_bytes(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :])
            with pytest.raises(manifest.Damaged):
                manifest.read(folder)


def test_a_manifest_that_parses_to_the_same_content_is_damaged_all_the_same(folder):
    path = folder / manifest.NAME
    data = path.read_bytes()
    for changed in (data + b'\n', data[:-1], json.dumps(json.loads(data)).encode(), b'', b'[]', b'{}', b'[' * 10**5):
        path.write_bytes(changed)
        with pytest.raises(manifest.Damaged, match='does not match its own checksum'):
            manifest.read(folder)


@pytest.mark.parametrize(
    'damage, message',
    [
        (lambda folder: (folder / 'empty').unlink(), 'empty is missing'),
        (lambda folder: (folder / 'inner' / 'more').write_bytes(b''), 'inner/more is not in the manifest'),
        (lambda folder: (folder / 'inner' / 'data').write_bytes(b'short'), 'inner/data has 5 bytes, not 64'),
        (lambda folder: (folder / 'inner' / 'data').write_bytes(bytes(64)), 'inner/data does not match its SHA-256'),
        (lambda folder: (folder / manifest.NAME).unlink(), 'manifest.json: No such file'),
    ],
    ids=['missing', 'extra', 'size', 'content', 'no manifest'],
)
def test_every_way_in_which_a_file_can_differ_is_named(folder, damage, message):
    damage(folder)
    with pytest.raises(manifest.Damaged, match=message):
        manifest.verify(folder)


def test_a_write_that_stops_before_its_last_step_leaves_no_manifest(folder, monkeypatch):
    (folder / manifest.NAME).unlink()

    def killed(source, target):
        raise InterruptedError

    monkeypatch.setattr(os, 'replace', killed)
    with pytest.raises(InterruptedError):
        manifest.write(folder, {})
    assert not (folder / manifest.NAME).exists()
