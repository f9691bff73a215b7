"""From a user as RFC 7643 has it to the entry of a directory source that the mapping reads. Pure.

An attribute with several values is there as a whole, the primary value first, then those for work: `emails`; and by
type: `emails.work`, `phoneNumbers.mobile`. Made up besides: `userName.address`, the user name where it has the form of
an address; `name`, of given name and family name; `enabled`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from isthmus.sync.model import Entry

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_TEXTS = ("userName", "externalId", "displayName", "nickName", "title", "userType", "preferredLanguage", "locale")
_LISTS = ("emails", "phoneNumbers", "ims", "entitlements", "roles")
_NAMES = ("formatted", "givenName", "familyName", "middleName")
_WORK = ("employeeNumber", "costCenter", "organization", "division", "department")


def entry_of(object_id: str, resource: Mapping[str, Any], groups: Iterable[str]) -> tuple[Entry, tuple[str, ...]]:
    """The entry, and the names of the groups that the user is directly in."""
    found: dict[str, list[str]] = {}

    def add(name: str, *values: object) -> None:
        texts = [text for value in values if isinstance(value, str) and (text := value.strip())]
        if texts:
            found.setdefault(name.lower(), []).extend(texts)

    for name in _TEXTS:
        add(name, resource.get(name))
    user_name = str(resource.get("userName", ""))
    if "@" in user_name:
        add("userName.address", user_name)
    _add_name(add, _part(resource, "name"))
    for name in _LISTS:
        for value in _in_order(resource.get(name)):
            add(name, value.get("value"))
            add(f"{name}.{value.get('type') or 'other'}", value.get("value"))
    for value in _in_order(resource.get("addresses")):
        add("addresses", value.get("formatted"))
        add("country", value.get("country"))
        add("locality", value.get("locality"))
    work = _part(resource, ENTERPRISE)
    for name in _WORK:
        add(name, work.get(name))
    add("manager", _part(work, "manager").get("value"))
    if resource.get("active") is False:
        add("enabled", "false")
    names = tuple(sorted(set(groups)))
    attributes = {name: tuple(values) for name, values in found.items()}
    return Entry(object_id, user_name or object_id, attributes, _stamp(attributes, names)), names


def _add_name(add: Any, name: Mapping[str, Any]) -> None:
    for part in _NAMES:
        add(f"name.{part}", name.get(part))
    add("name", " ".join(str(name[part]) for part in ("givenName", "familyName") if name.get(part)))


def _part(resource: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = resource.get(name)
    return found if isinstance(found, Mapping) else {}


def _in_order(values: object) -> Sequence[Mapping[str, Any]]:
    listed = [each for each in values if isinstance(each, Mapping)] if isinstance(values, list) else []
    return sorted(listed, key=lambda each: (not each.get("primary"), each.get("type") != "work"))


def _stamp(attributes: Mapping[str, tuple[str, ...]], groups: tuple[str, ...]) -> str:
    text = json.dumps([sorted(attributes.items()), groups])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:24]
