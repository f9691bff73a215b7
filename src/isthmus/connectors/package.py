"""What a connector is installed from, and updated by: archives of this program, and a script that unpacks one.

A package holds no secret: where online is, and the certificate of the CA that vouches for it, are known to anybody.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata, resources
from pathlib import Path, PurePosixPath
from typing import Any

import isthmus
from isthmus.connectors import locking
from isthmus.errors import RefusedError, UsageError

_LOCK = "requirements.lock"
_TOP = ("pyproject.toml", _LOCK, "README.md", "LICENSE", "deploy/bootstrap")
_NOT_SENT = {"__pycache__", "built"}
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
MARK = b"\n#--- the archive begins in the next line ---\n"
MOST_BYTES = 64 << 20
_MOST_UNPACKED_BYTES = 512 << 20


def source_root() -> Path:
    """The folder that this program was installed from. Raises RefusedError where it is not there."""
    root = Path(isthmus.__file__).resolve().parents[2]
    if missing := [name for name in _TOP if not (root / name).is_file()]:
        raise RefusedError(
            f"{missing[0]} is missing, so no package can be made here",
            where=str(root),
            do="Use a whole copy of Isthmus.",
        )
    return root


def own_version() -> str:
    """Of the program that runs: as its archive was named, else the package's."""
    file = Path(isthmus.__file__).resolve().parents[2] / "VERSION"
    return file.read_text(encoding="ascii").strip() if file.is_file() else metadata.version("isthmus")


def installed_at() -> Path | None:
    """ROOT, where this program is one of the versions that lie in ROOT/versions; None elsewhere."""
    root = Path(isthmus.__file__).resolve().parents[4]
    return root if (root / "current").is_symlink() and (root / "launch").is_file() else None


def checked_version(version: str) -> str:
    """The version, if it is one: it becomes a folder's name. Raises UsageError."""
    if _VERSION.fullmatch(version) is None:
        raise UsageError(f"{version[:60]!r} is no version")
    return version


def archive(root: Path, version: str) -> bytes:
    """The program as tar.gz; the same files give the same bytes."""
    made = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=made, mode="wb", compresslevel=9, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        _add(tar, "VERSION", f"{checked_version(version)}\n".encode(), executable=False)
        for path in _files(root):
            content = _lock_of(root) if path.name == _LOCK else path.read_bytes()
            _add(tar, path.relative_to(root).as_posix(), content, executable=path.name == "bootstrap")
    return made.getvalue()


def installer(facts: Mapping[str, Any], packed: bytes) -> bytes:
    """The one file that a connector is installed from. facts: what it has to know (JSON), no secrets."""
    script = resources.files("isthmus.connectors").joinpath("install.sh").read_text(encoding="utf-8")
    text = json.dumps(facts, indent=1, ensure_ascii=True)
    if "\nEND_OF_FACTS\n" in text:
        raise UsageError("the facts can't stand in a script")
    return script.replace("@FACTS@", text).encode() + MARK + packed


def facts_of(file: Path) -> dict[str, Any]:
    """What a package says of the site it leads to. Raises UsageError for a file that is none."""
    try:
        head = file.read_bytes()[: 1 << 20].partition(MARK)[0].decode("utf-8")
        text = head.partition("<<'END_OF_FACTS'\n")[2].partition("\nEND_OF_FACTS\n")[0]
        found = json.loads(text)
        if not isinstance(found, dict) or found["format"] != 1:
            raise KeyError("format")
    except (OSError, ValueError, KeyError) as error:
        raise UsageError("that is no package of a connector", where=str(file)) from error
    return found


def unpack(packed: bytes, folder: Path) -> str:
    """Unpack an archive into a new folder; gives its version. Raises UsageError for what is none.

    Nothing in it leads out of the folder: links and special files are refused.
    """
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:gz") as tar:
            folder.mkdir(parents=True, mode=0o755)
            _extract(tar, folder)
        return checked_version((folder / "VERSION").read_text(encoding="ascii").strip())
    except (OSError, tarfile.TarError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"that is no archive of Isthmus ({type(error).__name__}: {error})") from error


def _extract(tar: tarfile.TarFile, folder: Path) -> None:
    """By hand: `extractall` of Debian 12's Python knows no filters yet (they came with 3.11.4)."""
    left = _MOST_UNPACKED_BYTES
    for entry in tar:
        path = PurePosixPath(entry.name)
        content = tar.extractfile(entry) if entry.isreg() else None
        left -= entry.size
        if content is None or path.is_absolute() or ".." in path.parts or left < 0:
            raise UsageError(f"that is no archive of Isthmus: {entry.name[:100]!r} can't be in one")
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.read())
        file.chmod(0o755 if entry.mode & 0o100 else 0o644)


def _lock_of(root: Path) -> bytes:
    """The program's lock without what tests and measures it: an appliance runs, and no more."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    return locking.needed((root / _LOCK).read_text(encoding="utf-8"), locking.wanted(project)).encode()


def _files(root: Path) -> Iterator[Path]:
    yield from (root / name for name in _TOP)
    for path in sorted((root / "src").rglob("*")):
        parts = path.relative_to(root).parts
        # What is built is no source, and a connector has no pages.
        if path.is_file() and not _NOT_SENT & {*parts} and not any(part.endswith(".egg-info") for part in parts):
            yield path


def _add(tar: tarfile.TarFile, name: str, content: bytes, *, executable: bool) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), 0o755 if executable else 0o644, 0
    tar.addfile(entry, io.BytesIO(content))
