"""Puts activity together for one site: events from Kamailio, profiles, alerts, and who is told of them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine

from isthmus.activity.api import encoded
from isthmus.activity.countries import Countries
from isthmus.activity.delivery import Channel, Deliveries, Mail, Webhook
from isthmus.activity.feed import Feed
from isthmus.activity.model import Alert, Event, Kind
from isthmus.activity.rules import Settings, Thresholds
from isthmus.activity.service import Activity
from isthmus.activity.trunks import TrunkWatch
from isthmus.addressing import Aor, barring
from isthmus.database.durable import Durable
from isthmus.directory.service import Directory
from isthmus.engines.kamailio import trunks
from isthmus.engines.kamailio.bulk import ask
from isthmus.errors import UnavailableError
from isthmus.identity import store as accounts
from isthmus.identity.ledger import Ledger
from isthmus.link.client import PeerClient
from isthmus.registration.model import Binding
from isthmus.registration.service import Registrar
from isthmus.site import internal
from isthmus.site.background import Background, Repeating
from isthmus.site.file import SiteFile, ThresholdsSection
from isthmus.site.private import read_secret

_LOOK_EVERY_S = 1.0
_TRUNKS_S = 10.0
_HOST = re.compile(r"sips?:(?:[^@;?]*@)?(\[[^\]]+\]|[^:;?>\s]+)", re.IGNORECASE)


def build_activity(
    site_file: SiteFile, engine: Engine, directory: Directory, registrar: Callable[[], Registrar]
) -> Activity:
    """What the routes, the move and `run_activity` need. registrar: asked for when somebody is blocked."""
    settings = site_file.activity
    countries = None if settings.country_database is None else site_file.path.parent / settings.country_database
    ledger = Ledger(engine)
    peers = {
        peer.name: PeerClient(peer.name, internal.link_out_socket(site_file, peer.name)) for peer in site_file.peer
    }

    def send(site: str, events: list[Event]) -> None:
        if site not in peers:
            raise UnavailableError(f"{site} is no peer of this site")
        peers[site].post_bytes("/link/activity", encoded(events))

    return Activity(
        engine,
        directory,
        Settings(settings.time_zone, settings.home_countries, thresholds_of(settings.thresholds)),
        tenant=site_file.site.tenant,
        country_of=Countries(countries).of if countries else lambda address: "",
        accounts=lambda names: ledger.read(lambda connection: accounts.tenants(connection, names)),
        channels=tuple(_channels(site_file)),
        site=site_file.site.name,
        send=send if peers else None,
        unbind=lambda aor, word: _unbind(registrar(), aor, word),
    )


def own_networks(site_file: SiteFile) -> dict[str, str]:
    """What the site needs to be reached from, with what it is."""
    named = {"127.0.0.0/8": "this machine", "::1/128": "this machine"}
    named |= dict.fromkeys(site_file.media.direct_networks, "one of direct_networks")
    named |= dict.fromkeys(site_file.protection.exempt_networks, "one of exempt_networks")
    hosts = {trunk.address: f"trunk {trunk.name}" for trunk in site_file.trunk}
    hosts |= {peer.address: f"site {peer.name}" for peer in site_file.peer}
    hosts[site_file.site.address] = "this site"
    return named | {str(ipaddress.ip_network(address)): what for address, what in hosts.items()}


def thresholds_of(section: ThresholdsSection | None) -> Thresholds:
    """What the site file says, or what is said there where it says nothing."""
    return Thresholds(**(section or ThresholdsSection()).model_dump())


def watch_trunks(site_file: SiteFile, tell: Callable[[str, Alert], object], background: Background) -> None:
    """Tell of trunks that are down, or do not register this site."""
    after_s = {trunk.name: trunk.alert_after_s for trunk in site_file.trunk if trunk.alert_after_s}
    if not after_s:
        return

    def states() -> list[dict[str, Any]]:
        return trunks.states(site_file, lambda *words: ask(site_file, *words))

    watch = TrunkWatch(site_file.site.name, site_file.site.tenant, after_s, states, tell)
    job = Repeating("look at trunks", watch.work, _TRUNKS_S)
    background.add("trunks: look", job.start, job.stop)


def run_activity(
    site_file: SiteFile,
    engine: Engine,
    activity: Activity,
    *,
    authority: bool,
    background: Background,
    facts: dict[str, Callable[[], Any]],
    durable: Durable,
    device_seen: Callable[[Event], object],
    emergency_called: Callable[[Event], object],
    bound: Callable[[str, str], object],
    unbound: Callable[[str], object],
) -> None:
    """Register what has to run. authority: whether `durable` is registered to run already, as at the authority.

    device_seen: takes the events of the kind DEVICE. emergency_called: those of the kind EMERGENCY.
    bound: takes account and edge of each BOUND, which is every refresh of every phone; must be quick. unbound: takes
    the account of each UNBOUND.
    """

    def take(event: Event) -> None:
        if event.kind is Kind.DEVICE:
            device_seen(event)
        elif event.kind is Kind.EMERGENCY:
            emergency_called(event)
        elif event.kind is Kind.BOUND:
            bound(event.account, event.edge)
        elif event.kind is Kind.UNBOUND:
            unbound(event.account)
        else:
            activity.take(event)

    feed = Feed(internal.activity_socket(site_file), take)
    work = Repeating("look at what accounts do", activity.work, _LOOK_EVERY_S)
    background.add("what accounts do", work.start, work.stop)
    background.add("events from Kamailio", feed.start, feed.stop)
    if channels := _channels(site_file):
        deliveries = Deliveries(engine, channels, durable)
        if not authority:
            background.add("workflows", durable.start, durable.stop)
        background.add("tell of alerts", deliveries.start, deliveries.stop)
    facts["activity"] = lambda: {**activity.health(), "lost_by_engine": feed.dropped}


def _channels(site_file: SiteFile) -> dict[str, Channel]:
    settings, folder = site_file.activity, site_file.path.parent
    found: dict[str, Channel] = {}
    if (mail := settings.mail) is not None:
        password_file = mail.password_file
        found["mail"] = Mail(
            site_file.site.name,
            mail.host,
            mail.port,
            mail.security,
            mail.sender,
            mail.to,
            mail.user,
            (lambda: read_secret(folder / password_file)) if password_file else lambda: "",
            folder / mail.ca_file if mail.ca_file else None,
            settings.time_zone,
        )
    if (webhook := settings.webhook) is not None:
        found["webhook"] = Webhook(
            site_file.site.name,
            webhook.url,
            lambda: read_secret(folder / webhook.secret_file, "secret"),
            folder / webhook.ca_file if webhook.ca_file else None,
        )
    return found


def _unbind(registrar: Registrar, aor: Aor, word: str) -> None:
    """Who is kept out is not called any more, either: those of the phones that the block is about are forgotten."""
    held = registrar.bindings(aor)
    gone = [binding for binding in held if barring.keeps_out([word], _address(binding))]
    if gone:
        registrar.remove(aor, gone)


def _address(binding: Binding) -> str:
    """Where the phone is, as far as its binding tells; an address nobody has where it does not."""
    match = _HOST.match(binding.received or binding.contact)
    try:
        return str(ipaddress.ip_address(match[1].strip("[]"))) if match else "0.0.0.0"
    except ValueError:
        return "0.0.0.0"
