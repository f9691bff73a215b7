"""Finds the shell blocks of the documentation.

A block is marked by a comment on the line before the fence:

    <!-- run -->    every command is run, in this order, against a demo that is up
    <!-- demo -->   the commands take the demo itself up and down; run, on a demo that is down

A block without a mark is one that a test can't sensibly run; it may hold `make` targets only, which must exist.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>\w+) -->\n)?^```(?:sh|bash|shell|console)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """The commands of one block. mark: `run`, `demo` or empty."""

    file: str
    line: int
    mark: str
    commands: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def blocks() -> list[Block]:
    """Those of README.md, ARCHITECTURE.md and docs/*.md."""
    paths = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))]
    return [block for path in paths if path.exists() for block in _blocks(path)]


def _blocks(path: Path) -> list[Block]:
    text = path.read_text(encoding="utf-8")
    return [
        Block(
            str(path.relative_to(ROOT)),
            text[: match.start()].count("\n") + 1,
            match["mark"] or "",
            tuple(line for line in match["text"].splitlines() if line and not line.startswith("#")),
        )
        for match in _BLOCK.finditer(text)
    ]
