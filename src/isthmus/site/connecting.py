"""A connector's control service: it has no people, no directory and no accounts, and asks online for all it needs."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine

from isthmus.activity.feed import Feed
from isthmus.activity.model import Event, Kind
from isthmus.connectors.answering import Answering
from isthmus.connectors.bounds import BY
from isthmus.connectors.learning import BranchDirectory, Learning
from isthmus.database import migrate, open_database
from isthmus.emergency.heard import PRUNE_S, prune_all
from isthmus.engines.kamailio import reaching
from isthmus.engines.kamailio.bulk import ask as ask_kamailio
from isthmus.errors import UnavailableError
from isthmus.fraud import rules as fraud_rules
from isthmus.fraud.alone import BranchCapping
from isthmus.identity.sealing import Sealer
from isthmus.link.client import PeerClient
from isthmus.pki.store import private_folder
from isthmus.records.pushing import Pushing
from isthmus.records.service import Records
from isthmus.routing.compile import Compiler
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.site import internal
from isthmus.site.background import Background, Repeating
from isthmus.site.file import SiteFile
from isthmus.site.guarding import end_calls
from isthmus.site.moving import registrar_of
from isthmus.site.recording import run_records

_LEARN_S = 5.0
_ASK_S = 10.0
_PUSH_S = 2.0
_COUNT_S = 2.0


@dataclass(frozen=True)
class Connector:
    """What the routes and jobs of a connector share. facts: as in `services.Services`."""

    site_file: SiteFile
    writer: SnapshotWriter
    compiler: Compiler
    learning: Learning
    online: PeerClient
    records: Records
    engine: Engine
    background: Background = field(default_factory=Background)
    facts: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def close(self) -> None:
        """Let go of the snapshot; nothing may be in use any more."""
        self.writer.close()
        self.online.close()
        self.engine.dispose()


def build_connector(site_file: SiteFile) -> Connector:
    """Compile what the site file and the learned people say. Raises UnavailableError when the disk is full."""
    directory = BranchDirectory(site_file.site.name, site_file.survival.country)
    private_folder(site_file.snapshot_dir)
    writer = SnapshotWriter(site_file.snapshot_dir)
    compiler = Compiler(directory, writer, site_file, directory, guard=directory)
    online = PeerClient(site_file.upstream, internal.link_out_socket(site_file, site_file.upstream))

    def ask(addresses: Sequence[str], known: Mapping[str, str]) -> bytes:
        # A site of an earlier version takes nothing that it does not know.
        body = {"people": list(addresses), **({"known": dict(known)} if known else {})}
        answer = online.post("/link/connector/people", body, timeout_s=_ASK_S)
        return str(answer["answer"]).encode()

    def changed() -> None:
        compiler.rebuild()
        writer.refuse(BY, directory.refusals())

    learning = Learning(
        directory,
        registrar_of(site_file),
        ask,
        site_file.state_dir / "branch.sealed",
        Sealer.from_file(internal.identity_key(site_file)),
        host=site_file.site.fqdn,
        changed=changed,
    )
    learning.restore()
    changed()
    migrate(site_file.database_url)
    engine = open_database(site_file.database_url)
    background, facts = Background(), dict[str, Callable[[], Any]]()

    def pushing(records: Records) -> Repeating:
        push = Pushing(engine, records, online.post)
        return Repeating("send call records to online", push.work, _PUSH_S)

    records = run_records(site_file, engine, {"to online": pushing}, background, facts)
    made = Connector(site_file, writer, compiler, learning, online, records, engine, background, facts)
    feed = Feed(internal.activity_socket(site_file), lambda event: _told(event, learning))
    job = Repeating("learn who is at this branch", learning.work, _LEARN_S)
    capping = BranchCapping(
        engine,
        site_file.site.name,
        directory,
        functools.partial(writer.refuse, fraud_rules.CAPS),
        functools.partial(end_calls, site_file),
    )
    count = Repeating("count what calls come to", capping.work, _COUNT_S)
    made.background.add("registrations from Kamailio", feed.start, feed.stop)
    made.background.add("learn who is at this branch", job.start, job.stop)
    heard = internal.heard_dir(site_file)
    forgetting = Repeating("forget what was heard for calls for help", lambda: prune_all(heard), PRUNE_S)
    made.background.add("what was heard for calls for help", forgetting.start, forgetting.stop)
    made.background.add("caps", count.start, count.stop)
    answering = Answering(online, writer.reader(), functools.partial(_away, site_file))
    made.background.add("questions from online", answering.start, answering.stop)
    made.facts["online"] = lambda: _reached(site_file)
    made.facts["caps"] = lambda: {"ok": not count.trouble, "reason": count.trouble}
    made.facts["learning"] = lambda: {"ok": not job.trouble, "reason": job.trouble, "people": len(learning.people)}
    return made


def _away(site_file: SiteFile) -> frozenset[str]:
    """Whom calls take for unreachable now; nobody where that can't be known."""
    try:
        return reaching.away(site_file, functools.partial(ask_kamailio, site_file))
    except UnavailableError:
        return frozenset()


def _reached(site_file: SiteFile) -> dict[str, Any]:
    """Whether calls go to the site that judges, or are decided here. Raises UnavailableError."""
    up = site_file.upstream
    alone = up in reaching.away(site_file, functools.partial(ask_kamailio, site_file))
    return {"ok": not alone, "reason": f"{up} can't be reached by SIP: calls are decided here" if alone else ""}


def _told(event: Event, learning: Learning) -> None:
    if event.kind is Kind.REGISTER and event.account:
        learning.registered(event.account)
