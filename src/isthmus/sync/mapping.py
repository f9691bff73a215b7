"""From an entry of a source to the person it means. Pure.

A mapping file (TOML) says differently from the defaults what to take from where:

    [address]                       # the first attribute that holds a SIP address
    from = ["msRTCSIP-PrimaryUserAddress", "proxyAddresses", "mail"]

    [number]
    from = ["msRTCSIP-Line", "telephoneNumber"]
    region = "US"                   # of numbers written without +

    [display_name]
    from = ["displayName", "cn"]

    [home]                          # where a new person lives; a person who is there moves by a move alone
    from = ["msRTCSIP-DeploymentLocator"]
    [home.values]
    "SRV:" = "premises"
    "sipfed.online.lync.com" = "online"

    [groups]                        # group of the source (for LDAP its DN, with all nested members) = group of ours
    "cn=Sales,ou=Groups,dc=contoso,dc=example" = "sales"

    [photo]                         # of LDAP and AD; JPEG or PNG, at most 100 KB
    from = ["thumbnailPhoto", "jpegPhoto"]

    [details]                       # kept beside the person
    department = "department"
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import phonenumbers

from isthmus.addressing import Aor, is_e164
from isthmus.errors import IsthmusError, UsageError
from isthmus.sync.model import Entry, Wanted

_DISABLED_ACCOUNT = 0x2  # ADS_UF_ACCOUNTDISABLE of userAccountControl
_EXTENSION = re.compile(r";ext=([0-9]+)|\s*(?:ext\.?|x|#)\s*([0-9]+)\s*$", re.IGNORECASE)
_LONGEST_DETAIL = 256
_DETAILS = {
    "mail": "mail",
    "user_principal_name": "userPrincipalName",
    "title": "title",
    "department": "department",
    "company": "company",
    "office": "physicalDeliveryOfficeName",
    "manager": "manager",
}
_HOMES = {"SRV:": "premises", "sipfed.online.lync.com": "online"}


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """What is taken from where. See the module."""

    address: tuple[str, ...]
    number: tuple[str, ...]
    display_name: tuple[str, ...]
    region: str | None = None
    home: tuple[str, ...] = ("msRTCSIP-DeploymentLocator",)
    homes: Mapping[str, str] = field(default_factory=lambda: dict(_HOMES))
    groups: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=lambda: dict(_DETAILS))
    photo: tuple[str, ...] = ()

    def attributes(self) -> list[str]:
        """Every attribute the mapping reads, those that say whether somebody is enabled among them."""
        named = (
            *self.address,
            *self.number,
            *self.display_name,
            *self.home,
            *self.photo,
            *self.details.values(),
            *_ENABLED,
            _ORIGINATOR,
            _OWNER,
        )
        return list(dict.fromkeys(named))


DEFAULTS: Mapping[str, AttributeMapping] = {
    "ad": AttributeMapping(
        ("msRTCSIP-PrimaryUserAddress", "proxyAddresses"),
        ("msRTCSIP-Line", "telephoneNumber"),
        ("displayName", "cn"),
        photo=("thumbnailPhoto", "jpegPhoto"),
    ),
    "ldap": AttributeMapping(
        ("msRTCSIP-PrimaryUserAddress", "proxyAddresses", "mail"),
        ("msRTCSIP-Line", "telephoneNumber"),
        ("displayName", "cn"),
        photo=("thumbnailPhoto", "jpegPhoto"),
    ),
    "csv": AttributeMapping(
        ("aor", "address", "mail"),
        ("number", "telephoneNumber"),
        ("display_name", "displayName", "name"),
        home=("home",),
        homes={},
        details={**_DETAILS, "extension": "extension"},
    ),
    # The attributes that scim.flatten makes of a user.
    "scim": AttributeMapping(
        ("ims.sip", "userName.address", "emails"),
        ("phoneNumbers.work",),
        ("displayName", "name.formatted", "name"),
        home=(),
        homes={},
        details={
            "mail": "emails",
            "title": "title",
            "department": "department",
            "company": "organization",
            "office": "locality",
            "manager": "manager",
            "external_id": "externalId",
            "employee_number": "employeeNumber",
        },
    ),
}


def parse(
    kind: str, data: Mapping[str, Any], *, region: str | None = None, homes: Mapping[str, str] | None = None
) -> AttributeMapping:
    """The defaults for a kind of source, with what a mapping file (TOML, as a dictionary) says.

    region: for numbers without `+`, unless the file names one. homes: what values of the home's attribute mean, unless
    the file says. Raises UsageError with every fault.
    """
    base = DEFAULTS[kind]
    if homes is not None and base.homes:
        base = replace(base, homes=homes)
    faults: list[str] = []
    parts: dict[str, Mapping[str, Any]] = {}
    for name, value in data.items():
        if name not in _SECTIONS:
            faults.append(f"[{name}] is no section ({', '.join(_SECTIONS)})")
        elif not isinstance(value, dict):
            faults.append(f"{name} is not a section")
        else:
            parts[name] = value
            if name not in ("groups", "details"):
                faults += [f"{name}.{key} is no setting" for key in value if key not in _SECTIONS[name]]

    def texts(section: str, otherwise: tuple[str, ...]) -> tuple[str, ...]:
        given = parts.get(section, {}).get("from", list(otherwise))
        if not isinstance(given, list) or not all(isinstance(each, str) and each for each in given):
            faults.append(f"{section}.from is not a list of attribute names")
            return otherwise
        return tuple(given)

    def table(section: str, key: str | None, otherwise: Mapping[str, str]) -> Mapping[str, str]:
        part = parts.get(section, {})
        given = part if key is None else part.get(key, {})
        if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
            faults.append(f"{section}{'.' + key if key else ''} is not a table of texts")
            return otherwise
        return given or otherwise

    chosen = str(parts.get("number", {}).get("region", region or "")).upper() or None
    if chosen is not None and chosen not in phonenumbers.SUPPORTED_REGIONS:
        faults.append(f"number.region: {chosen!r} is no region (as in US)")
    made = AttributeMapping(
        texts("address", base.address),
        texts("number", base.number),
        texts("display_name", base.display_name),
        chosen,
        texts("home", base.home),
        table("home", "values", base.homes),
        table("groups", None, {}),
        table("details", None, base.details),
        texts("photo", base.photo),
    )
    if faults:
        raise UsageError("; ".join(faults))
    return made


_SECTIONS: Mapping[str, tuple[str, ...]] = {
    "address": ("from",),
    "number": ("from", "region"),
    "display_name": ("from",),
    "home": ("from", "values"),
    "groups": (),
    "details": (),
    "photo": ("from",),
}
_ENABLED = ("msRTCSIP-UserEnabled", "userAccountControl", "nsAccountLock", "pwdAccountLockedTime", "enabled")
# In a resource forest: whose account it is in the forest where people sign in.
_ORIGINATOR = "msRTCSIP-OriginatorSID"
# Marks what has an address and is nobody: an attendant, a queue.
_OWNER = "msRTCSIP-OwnerUrn"


def wanted(entry: Entry, mapping: AttributeMapping, groups: Collection[str] = ()) -> Wanted:
    """The person that the entry means. groups: those of ours that the source counts them into."""
    faults: list[str] = []
    if entry.first(_OWNER):
        return Wanted(entry.id, entry.name, None, stamp=entry.stamp)
    aor = _address(entry, mapping, faults)
    number, extension = _number(entry, mapping, faults)
    return Wanted(
        id=entry.id,
        name=entry.name,
        aor=aor,
        display_name=_display_name(entry, mapping, aor),
        number=number,
        extension=extension,
        home=_home(entry, mapping, faults),
        enabled=_enabled(entry),
        groups=tuple(sorted(set(groups))),
        details=tuple(
            (name, value[:_LONGEST_DETAIL])
            for name, attribute in sorted(mapping.details.items())
            if (value := entry.first(attribute))
        ),
        faults=tuple(faults) if aor is not None or faults else (),
        stamp=entry.stamp,
        twin=entry.first(_ORIGINATOR),
        photo=next((found for attribute in mapping.photo if (found := entry.first(attribute))), ""),
    )


def split_number(text: str, region: str | None) -> tuple[str, str]:
    """A number as people write it: E.164 and its extension, empty without one. Raises UsageError.

    Understood: `tel:+14255550101;ext=12` (RFC 3966), `+1 (425) 555-0101 ext. 12`, with a region `425 555 0101 x12`.
    """
    bare = text.strip().removeprefix("tel:").removeprefix("TEL:")
    found = _EXTENSION.search(bare)
    extension = (found.group(1) or found.group(2)) if found else ""
    main = (bare[: found.start()] if found else bare).split(";", 1)[0]
    if is_e164(main):
        return main, extension
    try:
        parsed = phonenumbers.parse(main, region)
    except phonenumbers.NumberParseException:
        parsed = None
    number = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if parsed else ""
    if parsed is None or not phonenumbers.is_possible_number(parsed) or not is_e164(number):
        raise UsageError(f"{text!r} is not a telephone number")
    return number, extension


def _address(entry: Entry, mapping: AttributeMapping, faults: list[str]) -> Aor | None:
    for attribute in mapping.address:
        for value in _address_values(entry, attribute):
            try:
                return Aor.parse(value)
            except IsthmusError as error:
                faults.append(f"{attribute}: {error.what}")
                return None
    return None


def _address_values(entry: Entry, attribute: str) -> list[str]:
    values = [value for each in entry.attributes.get(attribute.lower(), ()) if (value := each.strip())]
    if attribute.lower() == "proxyaddresses":
        return [value for value in values if value.lower().startswith("sip:")]
    return values


def _number(entry: Entry, mapping: AttributeMapping, faults: list[str]) -> tuple[str | None, str]:
    """The first attribute that is filled decides: one that can't be read is told, never passed over."""
    for attribute in mapping.number:
        if text := entry.first(attribute):
            try:
                return split_number(text, mapping.region)
            except UsageError as error:
                faults.append(f"{attribute}: {error.what}")
                return None, ""
    return None, ""


def _display_name(entry: Entry, mapping: AttributeMapping, aor: Aor | None) -> str:
    given = next((text for attribute in mapping.display_name if (text := entry.first(attribute))), "")
    # Control characters would end up in SIP headers; the directory refuses them, and a name is no reason to.
    shown = "".join(character if character.isprintable() else " " for character in given).strip()[:128]
    return shown or (aor.user if aor else "")


def _home(entry: Entry, mapping: AttributeMapping, faults: list[str]) -> str | None:
    value = next((text for attribute in mapping.home if (text := entry.first(attribute))), "")
    if not value:
        return None
    if not mapping.homes:
        return value  # named as we name it
    known = {name.lower(): site for name, site in mapping.homes.items()}
    if value.lower() not in known:
        faults.append(f"{mapping.home[0]}: no site is meant by {value!r} ([home.values] of the mapping file)")
    return known.get(value.lower())


def _enabled(entry: Entry) -> bool:
    control = entry.first("userAccountControl")
    # The account in a resource forest is disabled for good, since nobody signs in there: it says nothing.
    elsewhere = _ORIGINATOR.lower() in entry.attributes
    if not elsewhere and control.lstrip("-").isdigit() and int(control) & _DISABLED_ACCOUNT:
        return False
    if entry.first("pwdAccountLockedTime") == "000001010000Z":  # locked by an administrator, for good
        return False
    said: tuple[tuple[str, Callable[[str], bool]], ...] = (
        ("msRTCSIP-UserEnabled", lambda value: value != "false"),
        ("nsAccountLock", lambda value: value != "true"),
        ("enabled", lambda value: value not in ("false", "no", "0", "off")),
    )
    return all(is_on(entry.first(attribute).lower()) for attribute, is_on in said)
