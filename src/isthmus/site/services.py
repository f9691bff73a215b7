"""The features of one site, put together: what its control service serves."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from sqlalchemy import Engine

from isthmus.activity.moving import ActivityParticipant
from isthmus.activity.networks import NetworkBlocks
from isthmus.activity.service import Activity
from isthmus.audit import Actor, Origin
from isthmus.audit.service import AuditLog
from isthmus.carriers.service import Purchases
from isthmus.connectors.bounds import Bounds, bounds_of
from isthmus.connectors.knowing import BranchPeople
from isthmus.connectors.questions import Questions
from isthmus.connectors.service import Connectors
from isthmus.database import migrate, open_database
from isthmus.database.durable import Durable
from isthmus.devices.elsewhere import DevicesElsewhere
from isthmus.devices.ending import Endings
from isthmus.devices.service import Devices
from isthmus.devices.uses import Uses
from isthmus.directory.grouping import Groups
from isthmus.directory.model import Person
from isthmus.directory.service import Directory
from isthmus.emergency.build import Emergency
from isthmus.emergency.choosing import follow as choices_follow
from isthmus.emergency.heard import PRUNE_S, prune_all
from isthmus.emergency.mapfile import Keeping, MapFile
from isthmus.emergency.moving import EmergencyParticipant
from isthmus.errors import IsthmusError
from isthmus.federation.service import Federation
from isthmus.fraud.capping import Capping
from isthmus.fraud.service import Guard
from isthmus.identity.breached import Breaches
from isthmus.identity.build import Identity, build_identity
from isthmus.identity.following import follow as roles_follow
from isthmus.identity.model import Settings
from isthmus.identity.sealing import HASHER
from isthmus.link.compare import Comparison, compare
from isthmus.live.hub import Hub
from isthmus.messaging.build import Messages
from isthmus.numbers.following import follow as numbers_follow
from isthmus.numbers.following import kept as kept_numbers
from isthmus.numbers.porting import Porting
from isthmus.numbers.service import Numbers
from isthmus.plans.service import Plans
from isthmus.policy import classes
from isthmus.policy.classes import ClassesOfService
from isthmus.policy.following import follow
from isthmus.policy.licensing import Licences
from isthmus.policy.moving import PolicyParticipant
from isthmus.policy.service import Policies
from isthmus.presence.moving import PresenceParticipant
from isthmus.presence.people import People
from isthmus.provider.service import OpenidProvider
from isthmus.pstn.service import VoiceRoutes
from isthmus.records.rating import Rates
from isthmus.records.reports import Reports
from isthmus.records.service import Records
from isthmus.routing.compile import Compiler
from isthmus.routing.model import Class
from isthmus.routing.snapshot import SnapshotWriter
from isthmus.scim.service import Scim
from isthmus.site import internal, leaving
from isthmus.site.admitting import build_connectors, keep_admitted
from isthmus.site.announcing import Announcing, build_presence
from isthmus.site.background import Background, Repeating
from isthmus.site.calling import run_calling
from isthmus.site.federating import build_federation
from isthmus.site.file import Role, SiteFile
from isthmus.site.guarding import build_capping, guard_of
from isthmus.site.messaging import build_contacts, build_messaging, run_messaging
from isthmus.site.moving import Moving, build_moving
from isthmus.site.private import read_secret
from isthmus.site.providing import build_provider
from isthmus.site.recording import build_records
from isthmus.site.syncing import build_sync, photos_of
from isthmus.site.vouching import run_fetching
from isthmus.site.watching import build_activity, own_networks, run_activity, watch_trunks
from isthmus.sync.photo_api import PhotosOfPeople
from isthmus.sync.service import SyncService
from isthmus.tenancy.admission import Admission
from isthmus.tenancy.lookup import TxtLookup
from isthmus.tenancy.reproving import Reproving
from isthmus.tenancy.service import Lookup, Tenants, keep_within
from isthmus.turn.rules import Server
from isthmus.turn.service import IceServers

_log = logging.getLogger(__name__)

_ANCHOR_EVERY_S = 60.0
_PHOTOS_S = 24 * 3600.0
_DEVICE_ASKED_S = 8.0  # how long the authority may take to make a device and see it known here
_DEVICES_S = 2.0  # how often what devices do and what has ended of them is looked after
_DOMAINS_S = 900.0  # how often it is looked which records of domains are to be looked for
_EMERGENCY_S = 2.0  # until telling of an emergency call that failed is tried again
_LOCATIONS_S = 10.0  # until calls follow what policies say of emergency calls; places are followed at once
_COMPILE_AGAIN_S = 2.0  # after a compilation that failed, and to notice what another program wrote


class Commits:
    """Who wants to hear of committed directory changes. Called in the order of registration, on the writer's thread."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[int], object]] = []

    def listen(self, listener: Callable[[int], object]) -> None:
        """Call `listener` with the last sequence number after each committed write. It must be quick."""
        self._listeners.append(listener)

    def __call__(self, seq: int) -> None:
        for listener in self._listeners:
            try:
                listener(seq)
            except Exception as error:
                _log.warning("change %s is committed; passing it on failed and will be tried again: %s", seq, error)


@dataclass(frozen=True)
class Services:
    """What the routes and jobs of a site share.

    audit: the log of who changed what. moving: moves, registrations and the links to peers.
    sync: the directories that people come from. scim: what an identity provider pushes. identity: accounts and sign-in.
    activity: what accounts usually do. networks: those that the site is closed to. tenants: tenants and their domains.
    admission: whether a tenant's accounts are let in now. routes: voice routes to the PSTN.
    emergency: where who calls the emergency services is. plans: calling plans. purchases: numbers that are bought.
    guard, capping: caps of calls, and blocks.
    federation: sign-in by providers outside. provider: the site as an OpenID provider.
    messages: conversations between people. ice: what browsers are told of STUN and TURN.
    photos: of people. live: the browser tabs that are open. announcing: presence.
    records, rates, reports: calls that are over, what calls cost, and what browsers report of them.
    background: jobs of the features. facts: name to a function whose JSON value GET /v1/health shows by that name.
    """

    site_file: SiteFile
    engine: Engine
    directory: Directory
    writer: SnapshotWriter
    compiler: Compiler
    commits: Commits
    groups: Groups
    numbers: Numbers
    porting: Porting
    policies: Policies
    routes: VoiceRoutes
    licences: Licences
    audit: AuditLog
    moving: Moving
    sync: SyncService
    scim: Scim
    identity: Identity
    federation: Federation
    provider: OpenidProvider
    photos: PhotosOfPeople
    devices: Devices
    uses: Uses
    activity: Activity
    networks: NetworkBlocks
    tenants: Tenants
    admission: Admission
    records: Records
    rates: Rates
    reports: Reports
    emergency: Emergency
    branch_people: BranchPeople
    connectors: Connectors
    questions: Questions
    plans: Plans
    purchases: Purchases
    guard: Guard
    capping: Capping
    messages: Messages
    announcing: Announcing
    ice: IceServers
    background: Background = field(default_factory=Background)
    live: Hub = field(default_factory=Hub)
    facts: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def compare(self, repair: bool, actor: str) -> list[Comparison]:
        """Compare the peers' directories with this one, the authority's: see `link.compare`."""
        return compare(self.directory, self.moving.links, repair=repair, actor=actor)

    def close(self) -> None:
        """Let go of the database and the snapshot; nothing may be in use any more."""
        self.writer.close()
        self.engine.dispose()


def build(site_file: SiteFile) -> Services:
    """Bring the database up to date, seed tenant and domains at the authority, compile the snapshot.

    Raises UnavailableError when the database does not answer, RefusedError when a domain is another tenant's.
    """
    migrate(site_file.database_url)
    engine = open_database(site_file.database_url)
    commits = Commits()
    directory = Directory(
        engine,
        site=site_file.site.name,
        authority=authority_of(site_file),
        homes=homes_of(site_file),
        on_commit=commits,
    )
    directory.join(follow)
    directory.join(classes.follow)
    directory.join(roles_follow)
    directory.join(choices_follow)
    directory.join(keep_within)
    directory.keep_numbers(kept_numbers)
    directory.join(numbers_follow)
    admission = Admission(directory)
    commits.listen(admission.forget)
    if directory.is_authority:
        seed(directory, site_file)
    policies, licences = Policies(directory, homes_of(site_file)), Licences(directory)
    writer = SnapshotWriter(site_file.snapshot_dir)
    networks = NetworkBlocks(engine, directory, own_networks(site_file))
    connectors = build_connectors(site_file, directory)
    routes = routes_of(site_file, directory, connectors)
    plans = Plans(directory)
    directory.join(plans.follow)
    commits.listen(plans.committed)
    licences.changed = plans.relicensed
    classes_now = ClassesOfService(policies, plans.holders_of)
    guard = guard_of(site_file, directory)
    compiler = Compiler(
        directory, writer, site_file, classes_now, networks.networks, routes.compiled, connectors.compiled, guard
    )
    networks.changed = routes.changed = plans.regrouped = guard.changed = compiler.catch_up
    background = Background()
    connectors.changed = _both(compiler.catch_up, keep_admitted(site_file, connectors, background))
    facts: dict[str, Callable[[], Any]] = {"licences": lambda: _short(licences)}
    # The first to start, and so the last to stop: its last anchor is behind all that the others still wrote.
    audit = _keep_audited(site_file, engine, background, facts)
    _keep_compiled(site_file.snapshot_dir / "stream", directory, writer, compiler, commits, background)
    durable = Durable(site_file.database_url)
    activity = build_activity(site_file, engine, directory, lambda: moving.registrar)
    emergency = Emergency.of(directory, policies, activity.tell_now)
    people, hub = People(directory), Hub()
    # After the compiler: what a peer or the move is told of, calls here see already.
    moving = build_moving(
        site_file,
        engine,
        directory,
        compiler,
        PolicyParticipant(directory, policies, licences, site_file.site.name),
        ActivityParticipant(activity),
        EmergencyParticipant(directory),
        PresenceParticipant(engine, lambda: people),
        authority=authority_of(site_file),
        listen=commits.listen,
        background=background,
        facts=facts,
        durable=durable,
    )
    messages = build_messaging(site_file, engine, moving.links, hub)
    moving.registry.register(messages.participant)
    moving.registry.register(build_contacts(engine, messages))
    written_to = run_messaging(site_file, messages, moving.registrar, hub, commits.listen, background, facts)
    announcing = build_presence(
        site_file, engine, people, writer, hub, moving.links, moving.registrar, commits.listen, background, facts
    )

    def bound(aor: str, edge: str) -> None:
        written_to(aor)
        announcing.phones.saved(aor, edge)

    identity = identity_of(site_file, engine, activity=activity)
    facts["breached_passwords"] = breaches_of(site_file).health
    sync, scim = build_sync(
        site_file,
        engine,
        directory,
        authority=authority_of(site_file),
        homes=homes_of(site_file),
        background=background,
        durable=durable,
        identity=identity,
    )
    devices, uses = _build_devices(engine, directory, policies, moving, commits, background)
    run_activity(
        site_file,
        engine,
        activity,
        authority=directory.is_authority,
        background=background,
        facts=facts,
        durable=durable,
        device_seen=uses.take,
        emergency_called=emergency.telling.called,
        bound=bound,
        unbound=announcing.phones.dropped,
    )
    records, rates, reports = build_records(
        site_file, engine, directory, moving.links, background, facts, announcing.called
    )
    leaving.attach(site_file, hub, reports)
    purchases = run_calling(site_file, directory, plans, writer, activity.tell_now, background, facts)
    capping = build_capping(
        site_file, directory, guard, policies, writer, activity.tell_now, moving.links, background, facts
    )
    _keep_located(site_file.snapshot_dir, internal.heard_dir(site_file), emergency, background)
    _keep_proved(site_file, directory, background, facts)
    run_fetching(site_file, background, facts)
    watch_trunks(site_file, activity.tell_now, background)
    return Services(
        site_file,
        engine,
        directory,
        writer,
        compiler,
        commits,
        Groups(directory),
        Numbers(directory),
        Porting(directory),
        policies,
        routes,
        licences,
        audit,
        moving,
        sync,
        scim,
        identity,
        build_federation(site_file, identity),
        build_provider(site_file, identity, admission),
        _build_photos(site_file, directory, policies, moving, background),
        devices,
        uses,
        activity,
        networks,
        tenants_of(site_file, directory),
        admission,
        records,
        rates,
        reports,
        emergency,
        BranchPeople(
            directory,
            lambda: moving.registrar,
            lambda: classes_now.placing((Class(),)),
            functools.partial(_bounds, writer, capping),
        ),
        connectors,
        Questions(site_file.site.name),
        plans,
        purchases,
        guard,
        capping,
        messages,
        announcing,
        _ice_servers(site_file),
        background,
        hub,
        facts,
    )


def _bounds(writer: SnapshotWriter, capping: Capping, tenant: str, people: Collection[str], connector: str) -> Bounds:
    """What a branch is told that calls are kept from: as calls here go by it now."""
    config = writer.config
    if config is None:
        return Bounds()
    return bounds_of(config, writer.refusals(), tenant, people, capping.days_of(tenant, people, connector))


def _both(first: Callable[[], object], second: Callable[[], object]) -> Callable[[], None]:
    def work() -> None:
        first()
        second()

    return work


def _ice_servers(site_file: SiteFile) -> IceServers:
    turn, site = site_file.turn, site_file.site
    server = Server(site.address, site.fqdn, turn.port, turn.tls_port) if turn.enabled else None
    return IceServers(server, lambda: read_secret(internal.turn_secret(site_file), "secret of TURN"), turn.lifetime_s)


def tenants_of(site_file: SiteFile, directory: Directory, lookup: Lookup | None = None) -> Tenants:
    """The tenants of this site's directory. lookup: by default the machine's own resolvers."""
    site = site_file.site
    return Tenants(directory, lookup or TxtLookup(), own_tenant=site.tenant, own_domains=site.domains)


def routes_of(site_file: SiteFile, directory: Directory, connectors: Connectors) -> VoiceRoutes:
    """The voice routes of this site."""
    trunks = [trunk.name for trunk in site_file.trunk]
    return VoiceRoutes(
        directory,
        trunks,
        [peer.name for peer in site_file.peer if peer.pstn],
        connector_sites=lambda tenant: [each.name for each in connectors.sites(tenant)],
    )


def _keep_proved(
    site_file: SiteFile, directory: Directory, background: Background, facts: dict[str, Callable[[], Any]]
) -> None:
    """The DNS records of domains, looked for again and again."""
    reproving = Reproving(directory, TxtLookup(), site_file.tenants.look_at_domains_every_h * 3600.0)
    job = Repeating("look for the records of domains", reproving.run, _DOMAINS_S)
    background.add("records of domains", job.start, job.stop)
    facts["domains"] = reproving.health


def _keep_located(folder: Path, heard: Path, emergency: Emergency, background: Background) -> None:
    """The security desk is told of emergency calls as they come; calls find places by the map in `folder`.

    heard: folder of what calls keep for themselves (emergency/heard.py).
    """
    telling = Repeating("tell of emergency calls", emergency.telling.work, _EMERGENCY_S)
    emergency.telling.wake = telling.wake
    background.add("tell of emergency calls", telling.start, telling.stop)
    locations = emergency.locations
    keeping = Keeping(MapFile(folder), locations.revision, locations.emergency_map)
    writing = Repeating("write the map of emergency locations", keeping.work, _LOCATIONS_S)
    locations.changed = writing.wake
    background.add("map of emergency locations", writing.start, writing.stop)
    forgetting = Repeating("forget what was heard for calls for help", lambda: prune_all(heard), PRUNE_S)
    background.add("what was heard for calls for help", forgetting.start, forgetting.stop)


def _md5_judge(policies: Policies, tenant: str) -> Callable[[Person], bool]:
    resolver = policies.resolver(tenant)
    return lambda person: bool(resolver.resolve(person)["client"].values["md5_digest"])


def _build_photos(
    site_file: SiteFile, directory: Directory, policies: Policies, moving: Moving, background: Background
) -> PhotosOfPeople:
    """Photos of people: at the authority from their source, elsewhere from the authority."""

    def shown(person: Person) -> bool:
        return bool(policies.resolver(person.tenant).resolve(person)["client"].values["photo"])

    link = next((each for each in moving.links if each.peer == directory.authority), None)
    photos = PhotosOfPeople(directory.engine, photos_of(site_file), link, shown)
    sweeping = Repeating("drop photos of those who are gone", photos.sweep, _PHOTOS_S)
    background.add("photos", sweeping.start, sweeping.stop)
    return photos


def _build_devices(
    engine: Engine,
    directory: Directory,
    policies: Policies,
    moving: Moving,
    commits: Commits,
    background: Background,
) -> tuple[Devices, Uses]:
    """The devices, and what goes on about them: keeping their use, ending what revoked ones registered."""
    uses = Uses(engine)
    if directory.is_authority:
        devices = Devices(directory, lambda tenant: _md5_judge(policies, tenant))
    else:
        authority = next(link for link in moving.links if link.peer == directory.authority)
        devices = DevicesElsewhere(directory, lambda path, body: authority.ask(path, body, timeout_s=_DEVICE_ASKED_S))
    endings = Endings(engine, moving.registrar)
    ending = Repeating("end registrations of devices", endings.run, _DEVICES_S)
    writing = Repeating("note the use of devices", uses.write, _DEVICES_S)
    background.add("devices: note at the end", lambda: None, lambda: uses.write(everything=True))
    settling = Repeating("end former secrets of devices", devices.settle, _DEVICES_S)
    for name, job in (("note", writing), ("end", ending), ("settle", settling)):
        background.add(f"devices: {name}", job.start, job.stop)
    # After the snapshot was compiled: what is ended can't begin again.
    commits.listen(lambda _: ending.wake())
    return devices, uses


def _short(licences: Licences) -> dict[str, Any]:
    """Whether somebody waits for a licence, and for which."""
    found = [{"tenant": s.plan.tenant, "plan": s.plan.name, "waiting": s.waiting} for s in licences.shortages()]
    return {"ok": not found, "short": found}


def identity_of(
    site_file: SiteFile, engine: Engine, hasher: PasswordHasher = HASHER, activity: Activity | None = None
) -> Identity:
    """The accounts of this site, as its file sets them up. activity: is told of sign-ins. Raises UnavailableError."""
    wanted = site_file.sign_in
    return build_identity(
        engine,
        key_file=internal.identity_key(site_file),
        tenant=site_file.site.tenant,
        fqdn=site_file.site.fqdn,
        port=site_file.ports.web,
        settings=Settings(
            second_factor=wanted.second_factor,
            idle_s=wanted.idle_minutes * 60,
            longest_s=wanted.longest_hours * 3600,
            shortest_password=wanted.shortest_password,
            breached=breaches_of(site_file).told,
        ),
        hasher=hasher,
        **({} if activity is None else {"told": activity.signed_in}),
    )


def breaches_of(site_file: SiteFile) -> Breaches:
    """The passwords that others know, as far as this site is told."""
    file = site_file.sign_in.breached_passwords
    return Breaches(site_file.path.parent / file if file else None)


def authority_of(site_file: SiteFile) -> str:
    """Name of the site whose directory is the authority."""
    peers = [peer.name for peer in site_file.peer if peer.authority]
    return site_file.site.name if site_file.site.authority else peers[0]


def homes_of(site_file: SiteFile) -> frozenset[str]:
    """Names of the sites where people can live, as far as this site knows."""
    own = () if site_file.site.role is Role.CONNECTOR else (site_file.site.name,)
    return frozenset((*own, *(peer.name for peer in site_file.peer)))


def seed(directory: Directory, site_file: SiteFile) -> None:
    """See that the site file's tenant and domains exist."""
    actor = Actor(f"site:{site_file.site.name}", Origin("site-file"))
    directory.create_tenant(site_file.site.tenant, actor=actor)
    for domain in site_file.site.domains:
        directory.add_domain(domain, site_file.site.tenant, actor=actor)


def _keep_audited(
    site_file: SiteFile, engine: Engine, background: Background, facts: dict[str, Callable[[], Any]]
) -> AuditLog:
    """The audit log, anchored and cut now and then, and anchored once more at the end."""
    log = AuditLog(engine, site_file.state_dir, site=site_file.site.name)

    def look_after() -> None:
        log.anchor()
        log.cut(site_file.audit.keep_days)

    job = Repeating("look after the audit log", look_after, _ANCHOR_EVERY_S)

    def stop() -> None:
        job.stop()
        try:
            log.anchor()
        except IsthmusError as error:
            _log.warning("the audit log is not anchored: %s", error)

    background.add("audit log", job.start, stop)
    facts["audit"] = lambda: {"ok": not job.trouble, "reason": job.trouble}
    return log


def _keep_compiled(
    stream_file: Path,
    directory: Directory,
    writer: SnapshotWriter,
    compiler: Compiler,
    commits: Commits,
    background: Background,
) -> None:
    """Compile now, after each commit, and again later where that failed (a full disk): calls wait for no database.

    stream_file: names the database the snapshot was compiled from. Sequence numbers mean nothing across databases;
    one that was made anew, or comes from a backup, counts its own.
    """
    stream = directory.stream()
    compiled_from = [stream_file.read_text(encoding="ascii") if stream_file.exists() else ""]

    def catch_up() -> None:
        last = directory.last_seq()
        if compiled_from[0] != stream or writer.seq > last:
            compiler.rebuild()
            stream_file.write_text(stream, encoding="ascii")
            compiled_from[0] = stream
        elif writer.seq != last or not compiler.is_of_today():
            compiler.catch_up()

    job = Repeating("compile the snapshot", catch_up, _COMPILE_AGAIN_S)
    try:
        catch_up()
        compiler.catch_up()  # the site file may have changed, though no person has
    except Exception as error:
        _log.warning("the snapshot stays as it was, and will be compiled again: %s", error)
    commits.listen(lambda _: catch_up())
    background.add("compile the snapshot", job.start, job.stop)
