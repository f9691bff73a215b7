"""Writes TOML: what the standard library reads only. Strings, numbers, truth values, lists, tables."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dumped(document: Mapping[str, Any]) -> str:
    """The text of a document. None and empty keys are left out. Raises TypeError for what TOML has no form for."""
    lines: list[str] = []
    _table(document, "", lines)
    return "\n".join(lines).strip() + "\n"


def _table(table: Mapping[str, Any], name: str, lines: list[str]) -> None:
    deeper = []
    for key, value in table.items():
        if value is None:
            continue
        if isinstance(value, Mapping) or _is_tables(value):
            deeper.append((f"{name}.{_key(key)}" if name else _key(key), value))
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    for path, value in deeper:
        for each in value if isinstance(value, list | tuple) else [value]:
            lines += ["", f"[[{path}]]" if isinstance(value, list | tuple) else f"[{path}]"]
            _table(each, path, lines)


def _is_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(each, Mapping) for each in value)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        # As JSON has them, but that TOML wants DEL escaped, too.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(each) for each in value) + "]"
    raise TypeError(f"TOML has no form for {type(value).__name__}")
