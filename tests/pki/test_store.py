"""Files of a site that are written all the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.errors import UsageError
from isthmus.pki import store
from tests.faults.disk import Disk, can_mount


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
