"""What may stand in the directory: pure checks of people, tenants and domains."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import replace

from isthmus.access.model import Object
from isthmus.addressing import Aor, barring, is_e164
from isthmus.directory.model import Person
from isthmus.errors import UsageError

_TENANT = re.compile(r"[a-z][a-z0-9-]{0,30}")
_LONGEST_NAME = 128  # characters; keeps a person's record in the snapshot within 300 bytes for ordinary names
_LONGEST_GROUP = 64
_LONGEST_PASSWORD = 128
_LONGEST_DESCRIPTION = 500
# Controls, surrogates and line ends: they would end up in SIP headers and in terminals.
_UNSHOWN = ("Cc", "Cs", "Zl", "Zp")
# Embeddings, overrides and isolates make a name look like another beside what surrounds it. Marks of direction alone
# (U+200E, U+200F) and joiners are part of how some languages are written.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MOST_STACKED = 6  # no writing needs as many; hundreds cover the lines around them
_MOST_GROUPS = 200
_MOST_BARRED = 8  # they stand in the person's record of the snapshot


def faults_of(person: Person, homes: Collection[str] | None, domains: Mapping[str, str]) -> list[str]:
    """Everything about `person` that the directory does not take, each in words; empty when all is well.

    homes: names of the sites where people can live; None where that is not known. domains: domain to tenant.
    """
    faults = []
    if person.aor.domain not in domains:
        known = ", ".join(sorted(domains)) or "none yet"
        faults.append(f"{person.aor.domain} is not one of our domains ({known})")
    if homes is not None and person.home not in homes:
        faults.append(f"there is no site {person.home!r} where people can live ({', '.join(sorted(homes))})")
    if person.number is not None and not is_e164(person.number):
        faults.append(f"{person.number!r} is not a number in the form +14255550101")
    if fault := _text_fault("the display name", person.display_name, _LONGEST_NAME):
        faults.append(fault)
    if len(person.groups) > _MOST_GROUPS:
        faults.append(f"more than {_MOST_GROUPS} groups")
    if len(person.barred) > _MOST_BARRED:
        faults.append(f"more than {_MOST_BARRED} blocks")
    faults.extend(fault for barred in person.barred if (fault := barring.fault_of(barred)))
    faults.extend(fault for group in person.groups if (fault := _group_fault(group)))
    return faults


def as_object(person: Person) -> Object:
    """What rights to a person go by."""
    return Object("person", str(person.aor), person.tenant, person.home, person.groups, person.id)


def normalised(person: Person) -> Person:
    """The person with blanks around names taken away, and groups sorted, each once."""
    groups = tuple(sorted({group.strip() for group in person.groups}))
    barred = tuple(sorted(set(person.barred)))
    return replace(person, display_name=person.display_name.strip(), groups=groups, barred=barred)


def checked_tenant(name: str) -> str:
    """The name, if a tenant may be called so. Raises UsageError."""
    if _TENANT.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} is not a name for a tenant", do="Use small letters, digits and '-', at most 31, a letter first."
        )
    return name


def checked_domain(name: str) -> str:
    """The domain in lower case. Raises UsageError when it is no domain name."""
    return Aor.parse(f"a@{name}").domain


def checked_password(password: str | None) -> str:
    """The password, empty for none. Raises UsageError for one that a phone can't be told."""
    text = password or ""
    if len(text) > _LONGEST_PASSWORD or any(unicodedata.category(character) in _UNSHOWN for character in text):
        raise UsageError(f"the password is longer than {_LONGEST_PASSWORD} characters or contains control characters")
    return text


def checked_group(name: str) -> str:
    """The name without blanks around it, if a group may be called so. Raises UsageError."""
    if fault := _group_fault(name.strip()):
        raise UsageError(fault)
    return name.strip()


def checked_description(text: str) -> str:
    """The text without blanks around it, if it can stand in a list. Raises UsageError."""
    if fault := _text_fault("the description", text.strip(), _LONGEST_DESCRIPTION):
        raise UsageError(fault)
    return text.strip()


def _group_fault(group: str) -> str | None:
    if not group:
        return "a group without a name"
    # The separator of a CSV cell with several groups.
    return f"group {group!r} contains ';'" if ";" in group else _text_fault(f"group {group!r}", group, _LONGEST_GROUP)


def _text_fault(what: str, text: str, longest: int) -> str | None:
    if len(text) > longest:
        return f"{what} is longer than {longest} characters"
    if any(unicodedata.category(character) in _UNSHOWN for character in text):
        return f"{what} contains a character that can't be shown"
    if not _TURNING.isdisjoint(text):
        return f"{what} contains a character that turns the direction of what follows"
    if _stacked(text) > _MOST_STACKED:
        return f"{what} has more than {_MOST_STACKED} marks on one letter"
    return None


def _stacked(text: str) -> int:
    """The most combining marks in a row."""
    most = run = 0
    for character in text:
        run = run + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        most = max(most, run)
    return most


def number_taken(person: Person, owner: Aor, tenant: str) -> str:
    """Why `person` can't have their number; another tenant's people are not named."""
    name = str(owner) if tenant == person.tenant else "somebody of another tenant"
    return f"the number {person.number} belongs to {name}"
