"""Files of a site that are written all the time."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from isthmus.errors import UsageError
from isthmus.pki import store
from tests.faults.disk import Disk, can_mount


def test_a_folder_that_is_there_stays_as_open_as_it_is_and_one_that_is_not_is_made_private(tmp_path: Path) -> None:
    """`-o /tmp/FILE` must not close /tmp to everybody else on the machine."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    store.write_private(shared / "file", b"x")
    store.write_private(shared / "a" / "b" / "file", b"x")
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (shared, shared / "file", shared / "a", shared / "a/b")
    }
    assert modes == {"shared": 0o1777, "file": 0o600, "a": 0o700, "b": 0o700}


@pytest.mark.skipif(not can_mount(), reason="a disk of its own takes the right to mount a tmpfs")
def test_what_is_written_all_the_time_is_written_on_a_full_disk_too(tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk", size_mb=1)
    disk.mount()
    try:
        path = disk.folder / "status.json"
        store.write_volatile(path, b"as it was, at some length")
        disk.fill()
        with pytest.raises(UsageError, match="No space left"):
            store.write_private(path, b"as it is")
        assert path.read_bytes() == b"as it was, at some length"
        store.write_volatile(path, b"as it is")
        assert path.read_bytes() == b"as it is"
        assert [each.name for each in disk.folder.iterdir() if each.name.startswith(".")] == []
        with pytest.raises(UsageError, match=r"No space left|No such file"):
            store.write_volatile(disk.folder / "new.json", b"there is no old room for this")
    finally:
        disk.unmount()
