"""How the trunks are: what Kamailio knows of each, for people who look after them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from isthmus.engines.kamailio.config import brain_settings, probe_uri
from isthmus.engines.kamailio.rpc import RpcRefusedError
from isthmus.errors import UnavailableError
from isthmus.sip.registering import TABLE, Registration, is_registered
from isthmus.site.file import SiteFile

Ask = Callable[..., Any]
"""Runs one of Kamailio's commands (see bulk.ask)."""


def states(site: SiteFile, ask: Ask) -> list[dict[str, Any]]:
    """The site's trunks in their order.

    state: `up`, `down` (answers neither OPTIONS nor calls), `waiting` (asked for time), or `unknown` (is not asked, or
    Kamailio can't be). calls: that are up or being set up. answers_ms: its last answer to OPTIONS. registered: whether
    this site is registered there, None where it has no account; registered_until: Unix seconds; registration_error:
    what was answered last, empty while all is well.
    """
    answers: dict[str, Mapping[str, Any]] = {}
    marked: set[str] = set()
    calls: dict[str, int] = {}
    accounts: dict[str, Registration] = {}
    with contextlib.suppress(UnavailableError):
        answers, marked = asked(ask), _marked(ask)
        accounts = _accounts(ask) if any(trunk.registration for trunk in site.trunk) else {}
        calls = {trunk.name: _calls(ask, trunk.name) for trunk in site.trunk}
    sets = {trunk.name: trunk.probe_set for trunk in brain_settings(site).trunks}
    return [
        {
            "name": trunk.name,
            "address": trunk.address,
            "port": trunk.port,
            "transport": trunk.transport,
            "state": _state(answers.get(probe_uri(trunk)), trunk.name in marked, bool(sets[trunk.name])),
            "answers_ms": _latency(answers.get(probe_uri(trunk))),
            "calls": calls.get(trunk.name),
            "most_calls": trunk.most_calls,
            "calls_per_s": trunk.calls_per_s,
            "answer_s": trunk.answer_s,
            "media": trunk.media,
            **_registration(accounts.get(trunk.name), bool(trunk.registration)),
        }
        for trunk in site.trunk
    ]


def _registration(known: Registration | None, has_account: bool) -> dict[str, Any]:
    now = time.monotonic()
    registered = known is not None and is_registered(known, now)
    return {
        "registered": registered if has_account else None,
        "registered_until": round(time.time() + known.until - now) if known is not None and registered else None,
        "registration_error": known.error if known is not None else "",
    }


def _accounts(ask: Ask) -> dict[str, Registration]:
    entries = [entry for slot in ask("htable.dump", TABLE) or () for entry in slot.get("slot") or ()]
    return {str(each["name"]): msgspec.json.decode(str(each["value"]), type=Registration) for each in entries}


def _state(destination: Mapping[str, Any] | None, marked: bool, is_asked: bool) -> str:
    flags = str(destination["FLAGS"]) if destination else ""
    if flags.startswith("I"):
        return "down"
    if marked:
        return "waiting" if flags.startswith("A") else "down"
    return "up" if is_asked and flags.startswith(("A", "T")) else "unknown"


def _latency(destination: Mapping[str, Any] | None) -> float | None:
    measured = (destination or {}).get("LATENCY") or {}
    return float(measured["AVG"]) if measured.get("AVG") else None


def asked(ask: Ask) -> dict[str, Mapping[str, Any]]:
    """Destination as the engine has it by its URI, of the trunks that are asked by OPTIONS."""
    try:
        answer = ask("dispatcher.list")
    except RpcRefusedError:
        return {}  # none is asked, and the module is not there
    found: dict[str, Mapping[str, Any]] = {}
    for record in (answer or {}).get("RECORDS") or ():
        for target in record["SET"]["TARGETS"]:
            found[str(target["DEST"]["URI"])] = target["DEST"]
    return found


def _marked(ask: Ask) -> set[str]:
    """Trunks that calls leave alone for now."""
    now = time.monotonic()
    slots = ask("htable.dump", "trunk") or ()
    entries = [entry for slot in slots for entry in slot.get("slot") or ()]
    return {str(entry["name"]) for entry in entries if float(entry["value"]) > now}


def _calls(ask: Ask, name: str) -> int:
    try:
        return int(ask("dlg.profile_get_size", "trunk", name))
    except RpcRefusedError:
        return 0
