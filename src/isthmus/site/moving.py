"""Puts the move together for one site: its participants, the links to its peers, and the service at the authority."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Engine

from isthmus.access.model import Reach
from isthmus.addressing import Aor
from isthmus.database.durable import Durable
from isthmus.directory.service import Directory
from isthmus.engines.kamailio.registrar import KamailioRegistrar
from isthmus.engines.kamailio.rpc import KamailioRpc
from isthmus.homing.participants import Participant, Registry
from isthmus.homing.remote import RemoteSite
from isthmus.homing.service import Ledger, MoveService
from isthmus.homing.sites import LocalSite, Sites
from isthmus.homing.workflow import Workflows
from isthmus.link.client import PeerClient
from isthmus.link.peer import PeerLink
from isthmus.registration.service import RegistrationParticipant
from isthmus.routing.compile import Compiler
from isthmus.site import internal
from isthmus.site.background import Background
from isthmus.site.file import SiteFile

_PAGE = 1000


@dataclass(frozen=True)
class Moving:
    """What the routes of moves, registrations and the link need. authority: name of the site that runs moves."""

    authority: str
    moves: MoveService
    registry: Registry
    registrar: KamailioRegistrar
    links: tuple[PeerLink, ...]
    group_members: Callable[[str, str, Reach], list[Aor]]


def build_moving(
    site_file: SiteFile,
    engine: Engine,
    directory: Directory,
    compiler: Compiler,
    *participants: Participant,
    authority: str,
    listen: Callable[[Callable[[int], object]], None],
    background: Background,
    facts: dict[str, Callable[[], Any]],
    durable: Durable,
) -> Moving:
    """Connect everything and register what has to run.

    participants: of features beside registration. listen: takes who wants to hear of commits.
    durable: not started yet; it is registered to run here, before the moves and whatever is registered later.
    """
    site = site_file.site
    registrar = registrar_of(site_file)
    link_host = f"{site.fqdn}:{site_file.ports.link_sip}"
    registry = Registry([RegistrationParticipant(registrar, link_host), *participants])
    peers = _links(site_file, directory)
    for link, _ in peers:
        background.add(f"link to {link.peer}", link.start, link.stop)
        if directory.is_authority:
            listen(link.notify)
    facts["link"] = lambda: [asdict(link.health()) for link, _ in peers]

    local = LocalSite(site.name, site.role.value, registry, compiler.catch_up)
    remote = [RemoteSite(client, link) for link, client in peers]
    ledger = Ledger(engine, directory, Sites([local, *remote]), registry)
    workflows = Workflows(ledger, durable)
    if directory.is_authority:
        # After the links, which what is taken up will ask; before all that begins workflows or looks for them.
        background.add("workflows", durable.start, durable.stop)
        background.add("moves", workflows.start, workflows.stop)
    moves = MoveService(engine, ledger, workflows.begin, site=site.name, authority=authority)
    return Moving(
        authority,
        moves,
        registry,
        registrar,
        tuple(link for link, _ in peers),
        lambda group, to, reach: _members(directory, group, to, reach),
    )


def registrar_of(site_file: SiteFile) -> KamailioRegistrar:
    """This site's registrar."""
    secret_file = internal.control_secret(site_file)
    return KamailioRegistrar(
        KamailioRpc(internal.kamailio_rpc_socket(site_file)),
        (site_file.site.internal_address, internal.KAMAILIO_CONTROL_UDP),
        lambda: secret_file.read_text(encoding="ascii").strip(),
    )


def _links(site_file: SiteFile, directory: Directory) -> list[tuple[PeerLink, PeerClient]]:
    found = []
    for peer in site_file.peer:
        client = PeerClient(peer.name, internal.link_out_socket(site_file, peer.name))
        found.append((PeerLink(client, directory if directory.is_authority else None), client))
    return found


def _members(directory: Directory, group: str, target: str, reach: Reach) -> list[Aor]:
    members: list[Aor] = []
    after: Aor | None = None
    while page := directory.people(group=group, after=after, limit=_PAGE, reach=reach):
        members += [person.aor for person in page if person.home != target]
        after = page[-1].aor
    return members
