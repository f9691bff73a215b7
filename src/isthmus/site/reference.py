"""Writes docs/site-file.md from the site file's own schema: `python -m isthmus.site.reference [FILE]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from isthmus.site.file import SiteFile

_HEAD = """\
# The site file

Everything a site is told about itself, in TOML. It is checked as a whole before anything starts:
`isthmus site check FILE`. Folders and files in it are relative to the site file.

A file with no more than it needs:

```toml
[site]
name = "premises"
role = "premises"
fqdn = "premises.contoso.example"
domains = ["contoso.example"]
address = "192.0.2.10"
authority = true

[[peer]]
name = "online"
fqdn = "online.contoso.example"
address = "198.51.100.20"
```
"""
_FOOT = """
<!-- Written by `python -m isthmus.site.reference` from src/isthmus/site/file.py: change the descriptions there. -->
"""


def page() -> str:
    """The reference page in Markdown."""
    return _HEAD + "".join(_section(name, field) for name, field in _sections()) + _FOOT


def _sections() -> Iterator[tuple[str, FieldInfo]]:
    for name, field in SiteFile.model_fields.items():
        if not field.exclude:
            yield name, field
            model = next(iter(_repeated(field)), field.annotation)
            if isinstance(model, type) and issubclass(model, BaseModel):
                yield from ((f"{name}.{key}", inner) for key, inner in model.model_fields.items() if _is_section(inner))


def _repeated(field: FieldInfo) -> list[type[BaseModel]]:
    """The section that stands there once for each."""
    parts = () if _model_of(field) else get_args(field.annotation)
    return [part for part in parts if isinstance(part, type) and issubclass(part, BaseModel)]


def _is_section(field: FieldInfo) -> bool:
    kind = field.annotation
    return bool(_model_of(field) or _repeated(field) or (isinstance(kind, type) and issubclass(kind, BaseModel)))


def _model_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section that a setting is, where it may be left out."""
    found = [part for part in get_args(field.annotation) if isinstance(part, type) and issubclass(part, BaseModel)]
    return found[0] if type(None) in get_args(field.annotation) and found else None


def _section(name: str, field: FieldInfo) -> str:
    repeated = _repeated(field)
    model: type[BaseModel] = _model_of(field) or (repeated[0] if repeated else field.annotation)  # type: ignore[assignment]
    heading = f"[[{name}]]" if repeated else f"[{name}]"
    note = " Once for each." if repeated else ""
    rows = "".join(_row(key, setting) for key, setting in model.model_fields.items() if not _is_section(setting))
    about = (model.__doc__ or "").strip().splitlines()[0]
    return f"\n## `{heading}`\n\n{about}{note}\n\n| setting | value | default | meaning |\n|---|---|---|---|\n{rows}"


def _row(key: str, field: FieldInfo) -> str:
    key = field.alias or key
    default = "required" if field.is_required() else f"`{_toml(field.default)}`"
    if field.default is None:
        default = "none"
    meaning = " ".join((field.description or "").split()).replace("|", "\\|")
    return f"| `{key}` | {_kind(field)} | {default} | {meaning} |\n"


def _kind(field: FieldInfo) -> str:
    kind = str(field.annotation)
    if isinstance(field.annotation, type):
        names = {str: "text", int: "number", float: "number", bool: "true or false", Path: "path"}
        if issubclass(field.annotation, Enum):
            return "one of " + ", ".join(f"`{item.value}`" for item in field.annotation)
        text = names.get(field.annotation, kind)
    elif "Literal" in kind and "tuple" not in kind:
        return "one of " + ", ".join(f"`{item}`" for item in get_args(field.annotation))
    elif "tuple" in kind:
        return "list of texts"
    else:
        text = "path"
    return text + _bounds(field.metadata)


def _bounds(metadata: list[Any]) -> str:
    lower = next((item.ge for item in metadata if hasattr(item, "ge")), None)
    upper = next((item.le for item in metadata if hasattr(item, "le")), None)
    if lower is not None and upper is not None:
        return f", {lower} to {upper}"
    return f", at least {lower}" if lower is not None else ""


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return str(value) if isinstance(value, int) else f'"{value}"'


def main() -> None:
    """Write the page."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/site-file.md")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
