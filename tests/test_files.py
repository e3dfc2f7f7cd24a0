"""Files are whole or not there, and what goes wrong has a name."""

import errno
import os

import pytest

from posbench import files


@pytest.mark.parametrize('content', ['naïve 日本\r\n', b'\0\xff', '', 'x' * 100_000])
def test_what_is_written_is_read_back_byte_for_byte(tmp_path, content):
    files.write_atomically(tmp_path / 'file', content)
    wanted = content.encode() if isinstance(content, str) else content
    assert (tmp_path / 'file').read_bytes() == wanted
    assert os.listdir(tmp_path) == ['file']


@pytest.mark.parametrize('stops', ['write_whole', 'fsync', 'replace'])
def test_a_disk_that_is_full_leaves_the_old_file_alone_and_is_said_by_name(tmp_path, monkeypatch, stops):
    path = tmp_path / 'rows.jsonl'
    path.write_text('old')

    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(files if stops == 'write_whole' else os, stops, full)
    with pytest.raises(OSError, match='No space left on device') as error:
        files.write_atomically(path, 'new')
    assert files.in_words(error.value) == f'{path}: No space left on device'
    assert (path.read_text(), os.listdir(tmp_path)) == ('old', ['rows.jsonl'])


def test_what_is_written_in_parts_is_there_when_all_of_it_is(tmp_path):
    path = tmp_path / 'vectors'
    with files.opened_atomically(path) as write:
        write(b'one, ')
        assert not path.exists()
        write(b'two')
    assert path.read_bytes() == b'one, two'
    with pytest.raises(ZeroDivisionError), files.opened_atomically(path) as write:
        write(b'three')
        raise ZeroDivisionError
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b'one, two', ['vectors'])


def test_a_folder_that_is_not_there_is_said_by_the_name_of_the_file(tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        files.write_atomically(tmp_path / 'none' / 'file', '')
    assert files.in_words(error.value) == f'{tmp_path}/none/file: No such file or directory'


def test_a_write_that_takes_a_part_is_gone_on_with():
    class Slow:
        taken = b''

        def write(self, data):
            self.taken += bytes(data[:3])
            return len(data[:3])

    file = Slow()
    files.write_whole(file, bytes(range(10)))
    assert file.taken == bytes(range(10))


def test_an_error_without_a_file_is_its_reason():
    assert files.in_words(BrokenPipeError(errno.EPIPE, 'Broken pipe')) == 'Broken pipe'
