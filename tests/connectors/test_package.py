"""Archives of the program: what they are made of, and what is not taken for one."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from isthmus.connectors import package as packages
from isthmus.errors import UsageError


def packed(*entries: tarfile.TarInfo) -> bytes:
    """An archive of these entries, whose files say `1.0`."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for entry in entries:
            entry.size = 4 if entry.isreg() else 0
            tar.addfile(entry, io.BytesIO(b"1.0\n") if entry.isreg() else None)
    return gzip.compress(made.getvalue())


def link(name: str, target: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = tarfile.SYMTYPE, target
    return entry


def test_what_was_packed_is_there_again(tmp_path: Path):
    root = packages.source_root()
    first, again = packages.archive(root, "1.0"), packages.archive(root, "1.0")
    assert first == again
    assert packages.unpack(first, tmp_path / "made") == "1.0"
    for name in ("pyproject.toml", "deploy/bootstrap", "src/isthmus/connectors/launch.sh"):
        assert (tmp_path / "made" / name).read_bytes() == (root / name).read_bytes()
    assert (tmp_path / "made" / "deploy" / "bootstrap").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "entry",
    [tarfile.TarInfo("../out"), tarfile.TarInfo("/out"), tarfile.TarInfo("a/../../out"), link("a", "/etc/passwd")],
    ids=lambda entry: entry.name,
)
def test_what_leads_out_of_the_folder_is_refused(tmp_path: Path, entry: tarfile.TarInfo):
    with pytest.raises(UsageError, match="no archive"):
        packages.unpack(packed(tarfile.TarInfo("VERSION"), entry), tmp_path / "made")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"nor this")], ids=["empty", "text", "gzip"])
def test_what_is_none_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(UsageError, match="no archive"):
        packages.unpack(content, tmp_path / "made")
