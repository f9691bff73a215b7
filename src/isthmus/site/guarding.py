"""Puts caps and blocks together for one site: what is counted, refused, ended, and told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from typing import Any

from isthmus.activity.model import Alert
from isthmus.directory.service import Directory
from isthmus.engines.kamailio.bulk import ask, end_call
from isthmus.errors import RefusedError
from isthmus.fraud.capping import Capping
from isthmus.fraud.people import PeoplesCaps
from isthmus.fraud.service import Guard, block_of
from isthmus.link.peer import PeerLink
from isthmus.policy.classes import ClassesOfService
from isthmus.policy.service import Policies
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site.background import Background, Repeating
from isthmus.site.file import SiteFile

_WORK_S = 0.5
_FOLLOW_S = 2.0
_ENDED = 'SIP ;cause=403 ;text="Limit Of The Day Reached"'  # RFC 3326


def guard_of(site_file: SiteFile, directory: Directory) -> Guard:
    """The caps and blocks of this site."""
    return Guard(directory, [trunk.name for trunk in site_file.trunk], site_file.site.tenant, site_file.site.name)


def build_capping(
    site_file: SiteFile,
    directory: Directory,
    guard: Guard,
    policies: Policies,
    writer: SnapshotWriter,
    tell: Callable[[str, Alert], object],
    links: Sequence[PeerLink],
    background: Background,
    facts: dict[str, Callable[[], Any]],
) -> Capping:
    """Registers what has to run."""
    classes = ClassesOfService(policies)
    capping = Capping(
        directory,
        guard,
        PeoplesCaps(policies, lambda: (classes.revision(), directory.last_seq())),
        writer,
        site=site_file.site.name,
        own_tenant=site_file.site.tenant,
        zone=site_file.activity.time_zone,
        end=functools.partial(end_calls, site_file),
        tell=tell,
    )
    job = Repeating("count what calls come to", capping.work, _WORK_S)
    follow = guard.changed

    def changed() -> None:
        follow()
        job.wake()
        capping.follow_blocks()

    guard.changed = changed
    background.add("caps and blocks", job.start, job.stop)
    for link in links:
        if link.peer == directory.authority:
            following = Repeating(f"blocks of {link.peer}", functools.partial(_follow, guard, link), _FOLLOW_S)
            background.add(f"blocks of {link.peer}", following.start, following.stop)
    facts["caps"] = lambda: {"ok": not job.trouble, "reason": job.trouble, **capping.health()}
    return capping


def _follow(guard: Guard, link: PeerLink) -> None:
    """Ask the authority for its blocks. What it said last holds while it can't be asked."""
    if not link.health().up:  # that it is down is told once, by the link itself
        return
    try:
        told = [block_of(each) for each in link.ask("/link/blocks", {})]
    except (TypeError, KeyError, ValueError) as error:
        raise RefusedError(f"what it told are no blocks ({error})", where=link.peer) from error
    guard.follow(link.peer, told)


def end_calls(site_file: SiteFile, calls: Collection[str]) -> None:
    """End the calls with these Call-IDs, which have reached a limit. Raises UnavailableError."""
    for dialog in ask(site_file, "dlg.list") or ():
        if str(dialog["call-id"]) in calls:
            end_call(site_file, dialog, _ENDED)
