"""Puts presence together for one site: what is seen here, what peers tell, who is told, whose phones are quiet."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from isthmus.calls.model import Call
from isthmus.engines.kamailio import bound, config
from isthmus.engines.kamailio.bulk import ask
from isthmus.engines.kamailio.registrar import KamailioRegistrar
from isthmus.errors import UnavailableError
from isthmus.link.client import PeerClient
from isthmus.link.peer import PeerLink
from isthmus.live.hub import Hub
from isthmus.presence.calling import Calling, Heard, Step, Up
from isthmus.presence.following import Following
from isthmus.presence.here import Here
from isthmus.presence.model import Quiet
from isthmus.presence.owning import Owning
from isthmus.presence.people import People
from isthmus.presence.phones import Phones
from isthmus.presence.service import Presence
from isthmus.presence.sip import SipPresence
from isthmus.presence.telling import Telling
from isthmus.records.model import Event
from isthmus.routing.quiet import of_called
from isthmus.routing.refusals import Refusal
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site import internal
from isthmus.site.background import Background, Repeating
from isthmus.site.file import SiteFile

_TICK_S = 0.5
_BEGIN_S = 2.0
_CALLS_S = 60.0  # they are told of; this is for what was not
_LOOK_S = 30.0
_PHONES_S = 120.0
_AGAIN_S = 5.0  # where the registrar did not answer
_FOLLOW_S = 60.0
_BY = "presence"
_UP = frozenset({"answered", "up"})


@dataclass(frozen=True)
class Announcing:
    """What routes need. called: takes what the SIP engine tells of calls. phones: takes what it tells of bindings."""

    presence: Presence
    here: Here
    owning: Owning
    telling: Telling
    phones: Phones
    called: Callable[[Event], object]


def build_presence(
    site_file: SiteFile,
    engine: Engine,
    people: People,
    writer: SnapshotWriter,
    hub: Hub,
    links: Sequence[PeerLink],
    registrar: KamailioRegistrar,
    listen: Callable[[Callable[[int], object]], object],
    background: Background,
    facts: dict[str, Callable[[], Any]],
) -> Announcing:
    """Registers what has to run. listen: takes who wants to hear of commits."""
    presence = Presence(engine, people, site=site_file.site.name)
    here = Here(presence.see)
    calling = Calling(here, people, lambda: _calls(site_file))
    owning = Owning(presence, {link.peer: link for link in links})
    telling = Telling(hub, presence, here, owning)
    file = config.location_file(site_file)
    phones = Phones(here, people, lambda: bound.everybody(file), lambda aor: bound.has_phone(registrar, aor))
    registrar.removed = phones.dropped
    presence.quieted.append(lambda changed: writer.refuse_some(_BY, _refusals(changed)))

    begun = False

    def begin() -> None:
        """What has to be written once at the start, tried until the disk takes it."""
        nonlocal begun
        if not begun:
            presence.note_run()
            writer.refuse(_BY, _refusals(presence.quiet()))
            begun = True

    def tick() -> None:
        here.tick()
        presence.tick()

    jobs = {
        "begin": Repeating("presence: begin", begin, _BEGIN_S),
        "time": Repeating("presence: what ends", tick, _TICK_S),
        "directory": Repeating("presence: follow the directory", presence.follow_directory, _FOLLOW_S),
        "calls": Repeating("presence: who talks", calling.work, _CALLS_S),
        "look": Repeating("presence: look for calls", calling.look, _LOOK_S),
        "phones": Repeating("presence: phones", phones.work, _AGAIN_S),
        "registered": Repeating("presence: look for phones", phones.look, _PHONES_S),
    }
    calling.wake, phones.wake = jobs["calls"].wake, jobs["phones"].wake
    listen(lambda _: jobs["directory"].wake())
    background.add("presence", presence.start, lambda: None)
    for name, job in jobs.items():
        background.add(f"presence: {name}", job.start, job.stop)
    for peer in site_file.peer:
        following = Following(presence, PeerClient(peer.name, internal.link_out_socket(site_file, peer.name)))
        background.add(f"presence of {peer.name}", following.start, following.stop)
    inner = site_file.site.internal_address
    sip = SipPresence(
        presence,
        here,
        people,
        address=(inner, internal.PRESENCE_UDP),
        proxy=(inner, internal.KAMAILIO_PRESENCE_UDP),
        secret=_Secret(internal.control_secret(site_file)),
    )
    background.add("presence by SIP", sip.start, sip.stop)

    def trouble() -> str:
        return sip.trouble or jobs["registered"].trouble or jobs["phones"].trouble

    facts["presence"] = lambda: {
        **presence.health(),
        "watched": telling.watched,
        "subscriptions": sip.subscriptions,
        "phones": len(phones),
        "ok": not trouble(),
        "reason": trouble(),
    }

    def called(event: Event) -> None:
        calling.heard(
            Heard(Step(event.kind.value), event.call_id, event.side, event.caller, event.whom or event.callee)
        )

    return Announcing(presence, here, owning, telling, phones, called)


class _Secret:
    """The secret that Kamailio and this service share, once the supervisor has made it."""

    def __init__(self, file: Path) -> None:
        self._file, self._known = file, ""

    def __call__(self) -> str:
        if not self._known:
            with contextlib.suppress(OSError):
                self._known = self._file.read_text(encoding="ascii").strip()
        return self._known


def _refusals(quiet: Mapping[str, Quiet | None]) -> dict[str, list[Refusal]]:
    return {of_called(aor): [] if each is None else [_refusal(each)] for aor, each in quiet.items()}


def _refusal(quiet: Quiet) -> Refusal:
    return Refusal(
        _BY, "quiet", "does not want to be disturbed", "Do Not Disturb", until_s=quiet.until_s, callers=quiet.exceptions
    )


def _calls(site_file: SiteFile) -> Iterable[Up] | None:
    try:
        found = ask(site_file, "dlg.list")
    except UnavailableError:
        return None
    calls = [call for dialog in found or () if (call := Call.of_dialog(dialog))]
    return [Up(call.call_id, call.caller, call.callee) for call in calls if call.state in _UP]
