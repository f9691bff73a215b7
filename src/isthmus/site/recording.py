"""Puts call records together for one site: events from Kamailio, records of the other sites, retention."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Engine

from isthmus.calls.model import Call
from isthmus.directory.service import Directory
from isthmus.engines.kamailio.bulk import ask
from isthmus.link.peer import PeerLink
from isthmus.records.feed import Feed
from isthmus.records.model import NOTES, Event
from isthmus.records.rating import Rates
from isthmus.records.recorder import Recorder
from isthmus.records.reports import Reports
from isthmus.records.service import Records
from isthmus.site import internal
from isthmus.site.background import Background, Repeating
from isthmus.site.file import SiteFile

_WRITE_S = 0.5
_LOOK_S = 30.0
_PULL_S = 5.0
_PURGE_S = 3600.0  # by days, but a service that is started every evening shall do it, too


def build_records(
    site_file: SiteFile,
    engine: Engine,
    directory: Directory,
    links: Sequence[PeerLink],
    background: Background,
    facts: dict[str, Callable[[], Any]],
    told: Callable[[Event], object],
) -> tuple[Records, Rates, Reports]:
    """What the routes need; registers what has to run. told: also takes what the SIP engine tells of calls."""
    reports = Reports(engine, site_file.site.name, links)

    def keeping(_: Records) -> Repeating:
        keep_days = site_file.records.keep_days
        return Repeating("remove old call reports", lambda: reports.purge(keep_days), _PURGE_S)

    more: dict[str, Callable[[Records], Repeating]] = {
        f"from {link.peer}": functools.partial(_pulling, link=link) for link in links
    }
    more["keep reports"] = keeping
    return run_records(site_file, engine, more, background, facts, told), Rates(directory), reports


def run_records(
    site_file: SiteFile,
    engine: Engine,
    more: Mapping[str, Callable[[Records], Repeating]],
    background: Background,
    facts: dict[str, Callable[[], Any]],
    told: Callable[[Event], object] = lambda event: None,
) -> Records:
    """The records of this site's own calls. more: jobs that need them besides. told: as in build_records."""
    site = site_file.site.name
    recorder, records = Recorder(engine, site), Records(engine, site)

    def take(event: Event) -> None:
        recorder.take(event)
        if event.kind not in NOTES:  # what becomes of calls is told, not every message of theirs
            told(event)

    feed = Feed(internal.records_pipe(site_file), take)
    jobs = {
        "write": Repeating("write call records", recorder.write, _WRITE_S),
        "look": Repeating("look for the ends of calls", lambda: recorder.look(lambda: _up(site_file)), _LOOK_S),
        "keep": Repeating("remove old call records", lambda: _purge(records, site_file), _PURGE_S),
    }
    jobs |= {name: made(records) for name, made in more.items()}
    # The first to start is the last to stop: what came until the end is written.
    background.add("call records: note at the end", lambda: None, recorder.write)
    for name, job in jobs.items():
        background.add(f"call records: {name}", job.start, job.stop)
    background.add("call events from Kamailio", feed.start, feed.stop)

    def health() -> dict[str, Any]:
        trouble = jobs["write"].trouble
        return {"ok": not trouble, "reason": trouble, **recorder.health(), "lost_by_engine": feed.dropped}

    facts["records"] = health
    return records


def _pulling(records: Records, link: PeerLink) -> Repeating:
    streams: dict[str, str] = {}

    def pull() -> None:
        if link.health().up:  # that it is down is told once, by the link itself
            records.pull(link, streams)

    return Repeating(f"call records of {link.peer}", pull, _PULL_S)


def _purge(records: Records, site_file: SiteFile) -> None:
    kept = site_file.records
    records.purge(kept.keep_days)
    # Never longer than the record that it belongs to.
    days = [each for each in (kept.signalling_days, kept.keep_days) if each]
    records.purge_signalling(min(days) if days else 0)


def _up(site_file: SiteFile) -> set[str] | None:
    """Call-IDs of the dialogs that Kamailio knows. Raises UnavailableError where it can't be asked."""
    found = ask(site_file, "dlg.list")
    return {call.call_id for dialog in found or () if (call := Call.of_dialog(dialog))}
