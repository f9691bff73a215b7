"""The rules of devices and their credentials. Pure.

What real phones take decides what a credential looks like. It is typed on a telephone's keys, pasted into web forms and
written into configuration files of many formats, so both parts are small letters and digits alone: no separator that
a form strips, no character that a file has to escape, nothing a quoted string of a header could end by. Letters that
are taken for others (i, l, o, u) are left out. A user name has 13 characters and begins with `dev`, so that nobody
takes it for a person; a secret has 24, which is 120 bits: beyond guessing, even for who has seen the digest of it.

The user name is for the digest alone. The phone registers the person's address, and the realm is its domain.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from isthmus.addressing import Aor
from isthmus.directory.model import Credentials, Device
from isthmus.errors import RefusedError, UsageError

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # 32 of them: five bits each
_PREFIX = "dev"
_NAME_CHARACTERS, _SECRET_CHARACTERS = 10, 24
_NAME = re.compile(f"{_PREFIX}[{ALPHABET}]{{{_NAME_CHARACTERS}}}")
_MOST = 32  # devices a person may have
_LONGEST_LABEL = 64
_DAY_S = 86_400
LONGEST_OVERLAP_S = 30 * _DAY_S

RandomBytes = Callable[[int], bytes]


def is_device_name(name: str) -> bool:
    """Whether a digest user name (lower case) looks like a device's."""
    # What nobody's name needs to be looked at for more closely, on the path of each request.
    return name[:3] == _PREFIX and _NAME.fullmatch(name) is not None


def new_name(random: RandomBytes) -> str:
    """A user name for a device. random: gives so many random bytes."""
    return _PREFIX + _characters(random, _NAME_CHARACTERS)


def new_secret(random: RandomBytes) -> str:
    """A secret for a device."""
    return _characters(random, _SECRET_CHARACTERS)


def _characters(random: RandomBytes, count: int) -> str:
    return "".join(ALPHABET[byte & 31] for byte in random(count))


def credentials(name: str, aor: Aor, secret: str, *, md5: bool) -> Credentials:
    """The digests by which a phone with this user name and secret is known in the person's domain (RFC 7616 3.4.2).

    md5: whether there is to be one by MD5; without it is empty, and answers by MD5 are never right.
    """
    made = Credentials.of(Aor(name, aor.domain), secret)
    return made if md5 else Credentials(b"", made.ha1_sha256)


def told_to_phone(aor: Aor, name: str, secret: str) -> tuple[tuple[str, str], ...]:
    """All that a phone has to be told, by the names that phones use; a QR code of it is the same text."""
    return (("SIP address", f"sip:{aor}"), ("User name", name), ("Password", secret), ("Realm", aor.domain))


def as_text(told: tuple[tuple[str, str], ...]) -> str:
    """Line by line."""
    return "".join(f"{name}: {value}\n" for name, value in told)


def checked_label(label: str, others: Sequence[Device]) -> str:
    """A label in its one form. Raises UsageError for one that is none, RefusedError where another device has it."""
    text = " ".join(label.split())
    if not text or len(text) > _LONGEST_LABEL or not text.isprintable():
        raise UsageError(f"{label!r} is not a label", do=f"Use 1 to {_LONGEST_LABEL} printable characters.")
    for other in others:
        if other.label.casefold() == text.casefold():
            raise RefusedError(
                f"{other.name} is called {other.label!r} already",
                do="Two devices of a person need labels of their own, or the wrong one is revoked some day.",
            )
    return text


def may_have_another(aor: Aor, devices: Sequence[Device]) -> None:
    """Raises RefusedError for a person who has all the devices one may have."""
    if len(devices) >= _MOST:
        raise RefusedError(f"{aor} has {_MOST} devices, the most there may be", do="Revoke what is not used any more.")


def checked_overlap(seconds: int) -> int:
    """For how long both secrets are good after a rotation. Raises UsageError."""
    if not 0 <= seconds <= LONGEST_OVERLAP_S:
        raise UsageError(f"an overlap of {seconds} s is not between 0 and {LONGEST_OVERLAP_S} (30 days)")
    return seconds


def by_md5(wanted: bool | None, otherwise: bool, *, allowed: bool, aor: Aor) -> bool:
    """Whether a secret is to have a digest by MD5. Raises RefusedError where that is wanted and not allowed.

    wanted: what was asked for; None for as it is: `otherwise`, as far as it is allowed.
    """
    if wanted and not allowed:
        raise RefusedError(
            f"a policy forbids MD5 for {aor}", do=f"To see which: isthmus policy explain {aor} --kind client"
        )
    return allowed and (otherwise if wanted is None else wanted)


def without_md5(device: Device) -> Device:
    """The device with its secrets as they are, of which none serves for MD5 any more."""
    former = device.former and replace(device.former, ha1_md5=b"")
    return replace(device, credentials=replace(device.credentials, ha1_md5=b""), former=former)


def rotated(device: Device, secret: Credentials, now_ms: int, overlap_s: int) -> Device:
    """The device with a new secret; the one before is good for so long. One before that ends at once."""
    return replace(
        device,
        credentials=secret,
        secret_ms=now_ms,
        generation=device.generation + 1,
        former=device.credentials if overlap_s else None,
        former_until_ms=now_ms + overlap_s * 1000 if overlap_s else 0,
    )


def settled(device: Device, now_ms: int) -> Device:
    """The device without a former secret whose time is over."""
    if device.former is None or device.former_until_ms > now_ms:
        return device
    return replace(device, former=None, former_until_ms=0)
