"""Puts messages together for one site: its tabs, the links to its peers, and what has to be done again and again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Engine

from isthmus.contacts.service import Contacts, ContactsParticipant, asked
from isthmus.engines.kamailio import texted
from isthmus.engines.kamailio.registrar import KamailioRegistrar
from isthmus.link.peer import PeerLink
from isthmus.live.hub import Hub
from isthmus.messaging.api import attach
from isthmus.messaging.build import Messages, build_messages
from isthmus.messaging.gateway import Gateway
from isthmus.messaging.model import Limits
from isthmus.messaging.phones import Waiting
from isthmus.messaging.sip import SipMessages
from isthmus.site import internal
from isthmus.site.background import Background, Repeating
from isthmus.site.file import SiteFile

_SEND_S = 1.0  # how soon it is tried again when the link was down
_WHISPER_S = 5.0
_WATCH_S = 20.0
_SWEEP_S = 3600.0


def build_messaging(site_file: SiteFile, engine: Engine, links: Sequence[PeerLink], hub: Hub) -> Messages:
    """The parts. Nothing runs yet."""
    wanted = site_file.messages
    scan = list(wanted.scan_command)
    limits = Limits(
        keep_days=wanted.keep_days,
        file_bytes=wanted.file_mb << 20,
        file_endings=tuple(each.lower().lstrip(".") for each in wanted.file_endings),
    )
    return build_messages(engine, site_file.site.name, links, hub, site_file.state_dir / "files", limits, scan)


def build_contacts(engine: Engine, messages: Messages) -> ContactsParticipant:
    """Lists of contacts: pages ask for them as they do for conversations. Gives their part in a move."""
    contacts = Contacts(engine)
    contacts.told = messages.telling.tell
    messages.asking.add(asked(contacts))
    return ContactsParticipant(contacts, messages.messaging.ids)


def run_messaging(
    site_file: SiteFile,
    messages: Messages,
    registrar: KamailioRegistrar,
    hub: Hub,
    listen: Callable[[Callable[[int], object]], None],
    background: Background,
    facts: dict[str, Callable[[], Any]],
) -> Callable[[str], object]:
    """Register what has to run. listen: takes who wants to hear of changes of the directory.

    Gives who is to be told that somebody's phone has registered.
    """
    jobs = {}
    for peer, sender in messages.senders.items():
        jobs["feed", peer] = Repeating(f"messages to {peer}", sender.send, _SEND_S)
        jobs["whisper", peer] = Repeating(f"events to {peer}", messages.whispers[peer].send, _WHISPER_S)
    watching = Repeating("tabs of people who are at home elsewhere", messages.watching.watch, _WATCH_S)
    sweeping = Repeating("remove old messages and files", messages.sweep, _SWEEP_S)
    for (what, peer), job in jobs.items():
        background.add(f"messages: {what} to {peer}", job.start, job.stop)
    background.add("messages: watch", watching.start, watching.stop)
    background.add("messages: sweep", sweeping.start, sweeping.stop)
    messages.wake = lambda what, peer: jobs[what, peer].wake()
    messages.wake_watching = watching.wake
    listen(lambda _: watching.wake())  # somebody may be at home elsewhere now
    attach(hub, messages.asking)
    hub.on_join(messages.joined)
    hub.on_leave(messages.left)
    sip = _by_sip(site_file, messages, registrar)
    if sip is not None:
        background.add("messages by SIP", sip.start, sip.stop)
        messages.messaging.phones, messages.messaging.waiting = True, sip.wake
        messages.telling.typing = sip.typing

    def trouble() -> str:
        return sweeping.trouble or (sip.trouble if sip is not None else "")

    facts["messages"] = lambda: {
        "ok": not trouble(),
        "reason": trouble(),
        "waits_for": {peer: job.trouble for (what, peer), job in jobs.items() if what == "feed" and job.trouble},
    }

    return sip.registered if sip is not None else lambda aor: None


def _by_sip(site_file: SiteFile, messages: Messages, registrar: KamailioRegistrar) -> SipMessages | None:
    """The part of phones; None where they have none."""
    if not site_file.messages.phones:
        return None
    secret_file, inner = internal.control_secret(site_file), site_file.site.internal_address

    def secret() -> str:
        try:
            return secret_file.read_text(encoding="ascii").strip()
        except OSError:
            return ""  # the supervisor has not made it yet

    return SipMessages(
        Gateway(messages.messaging, messages.asking, secret),
        Waiting(messages.messaging, messages.asking),
        lambda aor: texted.phones(registrar, aor, site_file.site.fqdn),
        address=(inner, internal.MESSAGES_UDP),
        proxy=(inner, internal.KAMAILIO_PRESENCE_UDP),
        secret=secret,
    )
