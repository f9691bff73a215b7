"""Which peers a connector's Kamailio takes for unreachable now, for people who ask why (the rule is in site.py)."""

from __future__ import annotations

import time

from isthmus.engines.kamailio.config import SILENT_S, brain_settings, peer_uri
from isthmus.engines.kamailio.trunks import Ask, asked
from isthmus.site.file import SiteFile


def away(site: SiteFile, ask: Ask) -> frozenset[str]:
    """Names of those: marked by a call that met with silence, or known by OPTIONS not to answer.

    Raises UnavailableError where Kamailio does not answer.
    """
    told, marked = asked(ask), _marked(ask)
    found = set()
    for peer in brain_settings(site).peers:
        flags = str(told.get(peer_uri(site, peer), {}).get("FLAGS", ""))
        if peer.name in marked or (peer.probe_set and flags.startswith("I")):
            found.add(peer.name)
    return frozenset(found)


def _marked(ask: Ask) -> set[str]:
    now = time.monotonic()
    entries = [entry for slot in ask("htable.dump", "down") or () for entry in slot.get("slot") or ()]
    return {str(entry["name"]) for entry in entries if now - float(entry["value"]) < SILENT_S}
