"""What connectors may be called and told, and how they stand. Pure.

1. A connector is named after its site and a number that is never given again: a certificate that was not returned
   can't be taken for that of a successor.
2. A one-time code is 100 random bits; only its hash is kept. It works once, for a day; with the key that it was used
   with, for some minutes more, since the answer may have been lost.
3. Who has not spoken for 45 s is lost. It speaks every 10 s.
4. In a site one connector at a time is updated, in the window, and only while another that is healthy carries the
   calls, where there is another at all. What one of them has returned from is given to none any more.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from isthmus.connectors.model import Connector, ConnectorSite, State
from isthmus.errors import UsageError
from isthmus.routing import hours
from isthmus.site.file import SiteFile, validated

CODE_LIVES_MS = 24 * 3_600_000
CODE_AGAIN_MS = 10 * 60_000
LOST_MS = 45_000
MOST = 16
"""Connectors of a site."""

SECTIONS = ("trunk", "media", "link", "protection", "digest", "survival")
"""Of a connector's site file, those that come from the site it belongs to."""

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing that looks like something else
_LOOKS_LIKE = str.maketrans("OIL", "011")
_SITE = re.compile(r"[a-z][a-z0-9-]{0,23}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
_MOST_SETTINGS = 64 * 1024


def new_code() -> str:
    """A one-time code, in four groups to be read aloud."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(20))
    return "-".join(text[at : at + 5] for at in range(0, 20, 5))


def code_hash(code: str) -> str:
    """What is kept of a code, however it was typed."""
    plain = re.sub(r"[\s-]", "", code).upper().translate(_LOOKS_LIKE)
    return hashlib.sha256(plain.encode()).hexdigest()


def fqdn_of(name: str, online: str) -> str:
    """The name in a connector's certificate. online: fqdn of the site that it belongs to."""
    return f"{name}.connectors.{online}"


def checked_site(wanted: ConnectorSite) -> ConnectorSite:
    """The site in its one form. Raises UsageError."""
    if _SITE.fullmatch(wanted.name) is None:
        raise UsageError(f"{wanted.name[:60]!r} is no name of a site: small letters, digits and '-', at most 24")
    if wanted.window:
        hours.parsed(wanted.window, wanted.zone)
    if wanted.version and _VERSION.fullmatch(wanted.version) is None:
        raise UsageError(f"{wanted.version[:60]!r} is no version")
    if unknown := sorted(set(wanted.settings) - set(SECTIONS)):
        raise UsageError(
            f"connectors take no [{unknown[0]}] from here", where="settings", do=f"There are: {', '.join(SECTIONS)}."
        )
    if len(json.dumps(wanted.settings)) > _MOST_SETTINGS:
        raise UsageError(f"the settings are longer than {_MOST_SETTINGS} bytes")
    local = {
        "site": {"name": "connector", "role": "connector", "fqdn": "c.example.net", "address": "127.0.0.1"},
        "peer": [{"name": "online", "fqdn": "online.example.net", "address": "127.0.0.1", "authority": True}],
    }
    composed(local, wanted.settings, Path(f"{wanted.name}.toml"))
    return wanted


def composed(local: Mapping[str, Any], settings: Mapping[str, Any], path: Path) -> SiteFile:
    """A connector's site file. local: what the machine itself says; settings: what came. Raises UsageError.

    Only SECTIONS are taken from what came: nobody elsewhere chooses files, addresses or peers of this machine.
    """
    taken = {name: settings[name] for name in SECTIONS if name in settings}
    return validated({**local, **taken}, path)


def revision_of(value: Any) -> str:
    """Names a JSON value: equal values have equal ones."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def lowest_free(taken: Collection[int], slots: int) -> int | None:
    """The slot for the next connector, None when all are taken."""
    return next((slot for slot in range(slots) if slot not in taken), None)


def state_of(connector: Connector, now_ms: int) -> State:
    """How a connector stands."""
    if connector.removed:
        return State.REMOVED
    if not connector.enrolled:
        return State.INVITED
    phase = connector.report.get("phase", "")
    if not connector.seen:
        return State.ENROLLED
    if phase in ("installing", "trial") and now_ms - connector.seen < 15 * 60_000:
        return State.UPDATING
    if now_ms - connector.seen >= LOST_MS:
        return State.LOST
    if connector.drains or phase == "draining":
        return State.DRAINING
    return State.HEALTHY if connector.report.get("ok") is True else State.FAULTY


def to_update(site: ConnectorSite, connectors: Sequence[Connector], offered: Collection[str], now_ms: int) -> str:
    """Name of the connector that is to bring itself to the site's version now; empty: none. See rule 4."""
    if not site.version or site.version not in offered or not site.window:
        return ""
    here = [each for each in connectors if each.enrolled and not each.removed]
    behind = [each for each in here if each.report.get("version") not in ("", None, site.version)]
    # On trial it runs the new version already: nobody else begins before that is over.
    under_way = [each for each in here if each.report.get("phase") in ("draining", "installing", "trial")]
    if under_way:
        # Let it end, even after the window: half an update is worse.
        return under_way[0].name
    if any(each.report.get("returned_from") == site.version for each in here):
        return ""
    if not hours.parsed(site.window, site.zone).are_open(now_ms // 1000):
        return ""
    for each in behind:
        if state_of(each, now_ms) not in _UPDATABLE:
            continue
        others = [other for other in here if other.name != each.name]
        if not others or any(state_of(other, now_ms) is State.HEALTHY for other in others):
            return each.name
    return ""


_UPDATABLE = (State.HEALTHY, State.FAULTY, State.DRAINING)
