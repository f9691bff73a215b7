"""Which index answers a filter, so that a provider's questions for one person don't look at everybody. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from scim2_models import ScimFilter
from scim2_models.path import AttrPath, CompareOperator, Comparison, FilterNode, LogicalExpr, LogicalOperator, ValuePath


def key_of(name: str) -> str:
    """A name as names are compared (RFC 7643 2.3.1): NFC, in lower case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).lower())


def exact(text: str) -> str:
    """An id of the provider's as it is compared: NFC."""
    return unicodedata.normalize("NFC", text)


_ATTRIBUTES: dict[str, dict[str, tuple[str, Callable[[str], str]]]] = {
    "User": {"username": ("keys", key_of), "externalid": ("external_ids", exact), "id": ("ids", str)},
    "Group": {
        "displayname": ("keys", lambda name: key_of(name.strip())),
        "externalid": ("external_ids", exact),
        "id": ("ids", str),
        "members": ("containing", str),
        "members.value": ("containing", str),
    },
}


def narrowed(found: ScimFilter[Any], kind: str) -> dict[str, Any] | None:
    """Arguments of `store.find` that give everything the filter can fit; None where all have to be looked at."""
    tree = found.ast
    terms = tree.terms if isinstance(tree, LogicalExpr) and tree.op is LogicalOperator.and_ else (tree,)
    return next((answer for term in terms if (answer := _of_term(term, kind)) is not None), None)


def _of_term(node: FilterNode, kind: str) -> dict[str, Any] | None:
    path = ""
    if isinstance(node, ValuePath):
        path, node = f"{_text(node.attr_path)}.", node.val_filter
    if not isinstance(node, Comparison) or node.op is not CompareOperator.eq or not isinstance(node.value, str):
        return None
    way = _ATTRIBUTES[kind].get(path + _text(node.attr_path))
    if way is None:
        return None
    argument, form = way
    value = form(node.value)
    return {argument: value if argument == "containing" else [value]}


def _text(path: AttrPath) -> str:
    """Without the schema: one of another type fits nothing, which the filter itself says afterwards."""
    return f"{path.attr}.{path.sub_attr}".lower() if path.sub_attr else path.attr.lower()
