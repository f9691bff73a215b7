"""Files of tests that share two sites create people of different names: which files share them is up to chance."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.interop.conftest import HOMES


def names(tree: ast.AST) -> Iterator[str]:
    """Users that stand in a dict with their homes, or are created one by one; accounts by a name of their own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
            known = {_text(key): _text(value) for key, value in pairs}
            yield from (user for user, home in known.items() if user and home in HOMES and user not in ("home", "to"))
            if known.get("name") and ("person" in known or "every_tenant" in known):
                yield known["name"]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "create":
            yield from (user for user in map(_text, node.args[:1]) if user)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "account":
            yield from (name for name in map(_text, node.args[1:2]) if name)


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_nobody_is_created_by_two_files():
    found: dict[str, set[str]] = defaultdict(set)
    for path in Path(__file__).parent.glob("*.py"):
        text = path.read_text(encoding="utf-8")
        if "two_sites" in text:
            for name in names(ast.parse(text)):
                found[name].add(path.name)
    assert len(found) > 50
    assert {name: sorted(files) for name, files in found.items() if len(files) > 1} == {}
