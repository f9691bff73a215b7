"""The directory's values as JSON: people as others may see them, and pages of the feed between sites."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from isthmus.addressing import Aor, is_e164
from isthmus.directory.model import Credentials, Device, FeedPage, Group, Person
from isthmus.errors import UsageError


def public(person: Person) -> dict[str, Any]:
    """A person as the API, the CLI and the audit log show them: all but the secrets."""
    return {
        "aor": str(person.aor),
        "tenant": person.tenant,
        "display_name": person.display_name,
        "number": person.number,
        "home": person.home,
        "home_epoch": person.home_epoch,
        "enabled": person.enabled,
        "groups": list(person.groups),
        "id": person.id,
        "barred": list(person.barred),
    }


def tag(person: Person) -> str:
    """Changes with whatever of the person others may see (for ETag, RFC 9110 8.8.3)."""
    return hashlib.sha256(msgspec.json.encode(public(person))).hexdigest()[:32]


def from_public(data: dict[str, Any], credentials: Credentials) -> Person:
    """The person that `public` made `data` of, with these secrets."""
    lists = {"groups": tuple(data["groups"]), "barred": tuple(data.get("barred", ()))}
    return Person(**{**data, **lists, "aor": Aor.parse(data["aor"]), "credentials": credentials})


class _Device(msgspec.Struct, array_like=True):
    name: str
    label: str
    created_ms: int
    secret_ms: int
    generation: int
    ha1_md5: bytes
    ha1_sha256: bytes
    former_md5: bytes = b""
    former_sha256: bytes = b""
    former_until_ms: int = 0


class _Person(msgspec.Struct, array_like=True):
    """A person on the link, secrets included: the other site has to check their password as well."""

    aor: str
    tenant: str
    display_name: str
    number: str | None
    home: str
    home_epoch: int
    ha1_md5: bytes
    ha1_sha256: bytes
    enabled: bool
    groups: tuple[str, ...]
    id: str = ""  # sites of older versions send none
    # Later than the rest, as in `_Page`.
    devices: list[_Device] = []
    barred: tuple[str, ...] = ()


class _Group(msgspec.Struct, array_like=True):
    tenant: str
    name: str
    description: str
    source: str
    groups: tuple[str, ...]
    formerly: tuple[str, ...] = ()  # sites of older versions send none


class _Page(msgspec.Struct):
    stream: str
    from_seq: int
    to_seq: int
    last_seq: int
    tenants: tuple[str, ...]
    domains: tuple[tuple[str, str], ...]
    people: list[_Person]
    gone: list[str]
    # Later than the rest: a site of an older version sends none of it, and passes over what it is sent.
    groups: list[_Group] = []
    gone_groups: list[tuple[str, str]] = []
    suspended: tuple[str, ...] = ()
    gone_domains: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(_Page)
_encoder = msgspec.json.Encoder()


def encode_page(page: FeedPage) -> bytes:
    """The page as JSON for the link. It carries digest secrets: for a mutually authenticated peer alone."""
    people = [_of(person) for _, person in page.people if person is not None]
    gone = [str(aor) for aor, person in page.people if person is None]
    return _encoder.encode(
        _Page(
            page.stream,
            page.from_seq,
            page.to_seq,
            page.last_seq,
            page.tenants,
            page.domains,
            people,
            gone,
            [_group_of(group) for _, group in page.groups if group is not None],
            [key for key, group in page.groups if group is None],
            page.suspended,
            page.gone_domains,
        )
    )


def encode_person(person: Person) -> bytes:
    """All of a person, secrets included: as it travels, but that what is empty and came later leaves no trace.

    So sites of different versions agree about those of whom both know everything.
    """
    fields = msgspec.structs.astuple(_of(person))
    return _encoder.encode(fields if person.barred else fields[:-1])


def decode_page(raw: bytes) -> FeedPage:
    """The page that a peer sent. Raises UsageError for anything that is not one."""
    try:
        page = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"not a page of the directory's feed: {error}") from error
    people: list[tuple[Aor, Person | None]] = [(_aor(text), None) for text in page.gone]
    people += [(person.aor, person) for person in map(_person, page.people)]
    if len({aor for aor, _ in people}) != len(people):
        raise UsageError("a page of the directory's feed names somebody twice")
    if not 0 <= page.from_seq <= page.to_seq <= page.last_seq:
        raise UsageError("a page of the directory's feed with numbers out of order")
    groups: list[tuple[tuple[str, str], Group | None]] = [(key, None) for key in page.gone_groups]
    groups += [((group.tenant, group.name), _group(group)) for group in page.groups]
    if len({key for key, _ in groups}) != len(groups):
        raise UsageError("a page of the directory's feed names a group twice")
    return FeedPage(
        page.stream,
        page.from_seq,
        page.to_seq,
        page.last_seq,
        page.tenants,
        page.domains,
        tuple(people),
        tuple(groups),
        page.suspended,
        page.gone_domains,
    )


def public_group(group: Group) -> dict[str, Any]:
    """A group as the API, the CLI and the audit log show it. source: None for one that is kept by hand."""
    return {
        "name": group.name,
        "tenant": group.tenant,
        "description": group.description,
        "source": group.source or None,
        "groups": list(group.groups),
    }


def group_from_public(data: dict[str, Any]) -> Group:
    """The group that `public_group` made `data` of."""
    return Group(data["tenant"], data["name"], data["description"], data["source"] or "", tuple(data["groups"]))


def _group_of(group: Group) -> _Group:
    return _Group(group.tenant, group.name, group.description, group.source, group.groups, group.formerly)


def _group(wire: _Group) -> Group:
    groups = tuple(sorted(set(wire.groups)))
    return Group(wire.tenant, wire.name, wire.description, wire.source, groups, wire.formerly)


def _of(person: Person) -> _Person:
    return _Person(
        str(person.aor),
        person.tenant,
        person.display_name,
        person.number,
        person.home,
        person.home_epoch,
        person.credentials.ha1_md5,
        person.credentials.ha1_sha256,
        person.enabled,
        person.groups,
        person.id,
        [_device_of(each) for each in person.devices],
        person.barred,
    )


def _device_of(each: Device) -> _Device:
    former = each.former or Credentials(b"", b"")
    return _Device(
        each.name,
        each.label,
        each.created_ms,
        each.secret_ms,
        each.generation,
        each.credentials.ha1_md5,
        each.credentials.ha1_sha256,
        former.ha1_md5,
        former.ha1_sha256,
        each.former_until_ms,
    )


def _device(wire: _Device) -> Device:
    if any(len(ha1) not in (0, 16) for ha1 in (wire.ha1_md5, wire.former_md5)):
        raise UsageError(f"the record of {wire.name} is damaged")
    if len(wire.ha1_sha256) != 32 or len(wire.former_sha256) not in (0, 32):
        raise UsageError(f"the record of {wire.name} is damaged")
    former = Credentials(wire.former_md5, wire.former_sha256) if wire.former_sha256 else None
    return Device(
        wire.name,
        wire.label,
        Credentials(wire.ha1_md5, wire.ha1_sha256),
        wire.created_ms,
        wire.secret_ms,
        wire.generation,
        former,
        wire.former_until_ms,
    )


def _person(wire: _Person) -> Person:
    if wire.number is not None and not is_e164(wire.number):
        raise UsageError(f"{wire.number!r} of {wire.aor} is not a number")
    if len(wire.ha1_md5) != 16 or len(wire.ha1_sha256) != 32 or wire.home_epoch < 0:
        raise UsageError(f"the record of {wire.aor} is damaged")
    return Person(
        _aor(wire.aor),
        wire.tenant,
        wire.display_name,
        wire.number,
        wire.home,
        wire.home_epoch,
        Credentials(wire.ha1_md5, wire.ha1_sha256),
        wire.enabled,
        wire.groups,
        wire.id,
        tuple(sorted(map(_device, wire.devices), key=lambda each: each.name)),
        tuple(sorted(set(wire.barred))),
    )


def _aor(text: str) -> Aor:
    aor = Aor.parse(text)
    if str(aor) != text:
        raise UsageError(f"{text!r} is not an address-of-record in its one form")
    return aor
