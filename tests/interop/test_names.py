"""Files of tests that share two sites create people of different names: which files share them is up to chance."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.interop.conftest import HOMES

# Functions that create an account, and which of their arguments is its name.
_NAMED_AT = {"account": 1, "opened": 2}


def names(tree: ast.AST) -> Iterator[str]:
    """Users that stand in a dict with their homes, or are created one by one; accounts by a name of their own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            pairs = [(key, value) for key, value in zip(node.keys, node.values, strict=True) if key is not None]
            known = {_text(key): _text(value) for key, value in pairs}
            yield from (user for user, home in known.items() if user and home in HOMES and user not in ("home", "to"))
            if known.get("name") and known.keys() & {"person", "every_tenant", "roles"}:
                yield known["name"]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "create":
            yield from (user for user in map(_text, node.args[:1]) if user)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMED_AT:
            at = _NAMED_AT[node.func.id]
            yield from (name for name in map(_text, node.args[at : at + 1]) if name)


def borrowed(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Module and name of what is imported from another file of tests."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests.interop.test_"):
            yield from (((node.module or "").rsplit(".", 1)[1], alias.name) for alias in node.names)


def fixtures_with_sites(tree: ast.AST) -> Iterator[str]:
    """Fixtures that use the shared sites, and may create people there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any("fixture" in ast.unparse(each) for each in node.decorator_list):
            yield from (node.name for argument in node.args.args if argument.arg == "two_sites")


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


def test_no_file_runs_the_fixture_of_another_that_creates_people():
    """It would run twice, once a file, and the second time they exist already."""
    trees = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in Path(__file__).parent.glob("*.py")}
    creating = {name: set(fixtures_with_sites(tree)) for name, tree in trees.items()}
    assert "people" in creating["test_web_phone"]
    twice = [(f, m, name) for f, tree in trees.items() for m, name in borrowed(tree) if name in creating[m]]
    assert twice == []
