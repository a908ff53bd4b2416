"""A data folder is taken only when it can be used, and nothing is written otherwise."""

import os
import subprocess
import sys

import pytest

from geoscope.errors import SetupError
from geoscope.runtime.data_folder import (
    FOLDERS,
    MARKER,
    is_locked,
    locked,
    prepare_data_folder,
    socket_folder,
)


def test_a_new_folder_is_made_for_its_owner_alone(tmp_path):
    folder = tmp_path / "a" / "b"
    assert prepare_data_folder(folder) is True
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in folder.iterdir()} == {MARKER, *FOLDERS}
    assert prepare_data_folder(folder) is False


def test_a_foreign_folder_is_refused_and_left_as_it_was(tmp_path):
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(SetupError, match="belongs to something else"):
        prepare_data_folder(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="is a file, not a folder"):
        prepare_data_folder(tmp_path / "file")


def test_a_folder_of_a_newer_version_is_refused(tmp_path):
    prepare_data_folder(tmp_path / "data")
    (tmp_path / "data" / MARKER).write_text('{"layout": 99}')
    with pytest.raises(SetupError, match="newer Geoscope"):
        prepare_data_folder(tmp_path / "data")


def test_a_damaged_marker_is_named(tmp_path):
    prepare_data_folder(tmp_path / "data")
    (tmp_path / "data" / MARKER).write_text("{")
    with pytest.raises(SetupError, match="damaged"):
        prepare_data_folder(tmp_path / "data")


def test_a_full_disk_is_told_before_anything_is_written(small_disk):
    disk = small_disk("size=1m")
    with pytest.raises(SetupError, match="MiB left"):
        prepare_data_folder(disk / "data")
    assert list(disk.iterdir()) == []


def test_a_read_only_disk_is_told(small_disk):
    disk = small_disk("ro,size=1g")
    with pytest.raises(SetupError, match=r"cannot be written.*another place"):
        prepare_data_folder(disk / "data")


def test_only_one_process_holds_the_folder(tmp_path):
    folder = tmp_path / "data"
    prepare_data_folder(folder)
    code = f"""
from pathlib import Path
from geoscope.runtime.data_folder import locked
with locked(Path({str(folder)!r})):
    print("held", flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        assert is_locked(folder)
        with pytest.raises(SetupError, match="running already"), locked(folder):
            pass
        holder.kill()
    assert not is_locked(folder)
    with locked(folder):
        pass


def test_sockets_get_a_short_private_folder_when_the_data_folder_is_deep(tmp_path):
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    folder = socket_folder(deep)
    assert len(os.fsencode(folder)) < 90
    assert folder.stat().st_mode & 0o777 == 0o700
    assert socket_folder(tmp_path / "other" / ("z" * 100)) != folder
