"""The three applications: for people on this machine, for the peer, for who signs in over the web port."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI

from isthmus.access.model import Principal, Reach, Scope, Stage
from isthmus.activity import api as activity
from isthmus.addressing import Telephone
from isthmus.api import errors, metrics, openapi, operations, picture, setup, state
from isthmus.api.answered import Answered
from isthmus.api.conditional import Conditional
from isthmus.api.gate import Door, Gate, Limits, LocalDoor, WebDoor, gated
from isthmus.api.idempotency import Idempotent
from isthmus.api.metrics import Counting
from isthmus.api.peer import PeersOnly
from isthmus.api.permissions import checked
from isthmus.api.preconditions import Preconditions
from isthmus.audit import api as audit
from isthmus.calls import api as calls
from isthmus.calls import explain_api as explaining
from isthmus.calls.explaining import Explaining
from isthmus.carriers import api as carriers
from isthmus.connectors import api as connectors
from isthmus.connectors import control_api, link_api, questions_api
from isthmus.devices import api as devices
from isthmus.devices import link_api as device_link
from isthmus.directory import api as directory
from isthmus.directory import contact_api as contacts
from isthmus.directory import group_api as groups
from isthmus.directory.service import Directory
from isthmus.emergency import api as emergency
from isthmus.emergency import explained
from isthmus.emergency.mapfile import MapFile
from isthmus.engines.kamailio import trunks
from isthmus.engines.kamailio.bulk import ask, end_call
from isthmus.errors import ForbiddenError, IsthmusError, UnauthenticatedError
from isthmus.federation import api as federation
from isthmus.fraud import api as fraud
from isthmus.homing import api as homing
from isthmus.identity import api as identity
from isthmus.identity import session_api as session
from isthmus.link import api as link
from isthmus.live import api as live
from isthmus.live.hub import Member
from isthmus.messaging import api as messaging
from isthmus.numbers import api as numbers
from isthmus.numbers import port_api as porting
from isthmus.pages import api as pages
from isthmus.pages import application
from isthmus.plans import api as plans
from isthmus.policy import api as policy
from isthmus.policy import licence_api as licence
from isthmus.presence import api as presence
from isthmus.provider import api as provider
from isthmus.pstn import api as pstn
from isthmus.records import api as records
from isthmus.records.pushing import Received
from isthmus.registration import api as registration
from isthmus.scim import api as scim
from isthmus.site.admitting import package_of, where_of
from isthmus.site.services import Services
from isthmus.sync import api as sync
from isthmus.sync import photo_api as photos
from isthmus.tenancy import api as tenancy
from isthmus.turn import api as turn

_ENDED = 'SIP ;cause=200 ;text="Ended By An Administrator"'  # RFC 3326


def local_app(services: Services) -> FastAPI:
    """Everything the command line does. On a socket that only this site's unix user can open."""
    app = _app("local API", gated)
    _include_features(app, services)
    return _gated(app, services, LocalDoor(), secure=False)


def web_app(services: Services, limits: Limits = Limits()) -> FastAPI:  # noqa: B008 (frozen)
    """The same for who signs in, or shows a token; the pages."""
    app = _app("API", gated)
    identity = services.identity
    app.include_router(session.router(identity.sign_in, identity.own, identity.passkeys))
    app.include_router(federation.router(services.federation))
    app.include_router(provider.router(services.provider, identity.sign_in))
    _include_features(app, services)
    site = services.site_file.site
    app.include_router(pages.router(site.name, site.role.value, site.fqdn))
    app.include_router(application.router(f"{site.fqdn}:{services.site_file.ports.web}"))
    app.include_router(scim.protocol(services.scim, site.tenant, site.fqdn, services.site_file.ports.web))

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"site": site.name, "status": "up"}

    def by_token(token: str) -> Principal:
        return services.provider.by_token(token) or identity.own.by_token(token)

    app.router.routes.append(live.route(services.live, _live_settings(services, by_token)))
    door = WebDoor(identity.sign_in, by_token, limits, tenant=services.admission, barred=services.networks.holds)
    gated_app = _gated(app, services, door, secure=True)
    gated_app.add_middleware(scim.ScimErrors)
    return gated_app


def _live_settings(services: Services, by_token: Callable[[str], Principal]) -> live.Settings:
    def identify(token: str, address: str) -> Member:
        if services.networks.holds(address):
            raise ForbiddenError("this site is closed to your network", do="Ask an administrator.")
        principal = by_token(token)
        if principal.proof.stage is not Stage.FULL:
            raise UnauthenticatedError("the sign-in is not complete")
        services.admission(principal.tenant)
        # A token that is limited to some permissions has none for what is told here.
        own = Reach((Scope(own=principal.person),)) if principal.person and principal.limit is None else None
        people = services.directory.people(reach=own, limit=1) if own else []
        if not people or not people[0].enabled:
            raise ForbiddenError("this is for people with an account of their own")
        person = people[0]
        return Member(person.tenant, principal.person, person.aor, principal.id)

    file = services.site_file
    origin = f"https://{file.site.fqdn}" + ("" if file.ports.web == 443 else f":{file.ports.web}")
    return live.Settings(identify, origin, application.build())


def link_app(services: Services) -> FastAPI:
    """What sites ask of one another."""
    app = _app("link API")
    peers = [peer.name for peer in services.site_file.peer]
    app.add_middleware(PeersOnly, peers=frozenset(peers))
    site = services.site_file.site
    app.include_router(
        link.link_router(site.name, site.role.value, peers, services.directory, services.compiler.catch_up)
    )
    app.include_router(homing.link_router(services.moving.registry, services.moving.authority))
    links = {each.peer: each for each in services.moving.links}
    closed = frozenset(peer.name for peer in services.site_file.peer if not peer.devices)
    app.include_router(
        device_link.link_router(services.devices, services.uses, services.directory, links, closed, services.admission)
    )
    app.include_router(photos.link_router(services.photos, peers))
    app.include_router(activity.link_router(services.activity, peers))
    app.include_router(records.link_router(services.records, peers))
    app.include_router(records.report_link_router(services.reports, peers))
    app.include_router(messaging.link_router(services.messages, peers))
    received = Received(services.engine, services.records, (site.name, *peers))
    app.include_router(link_api.link_router(services.connectors.find, services.branch_people, received.take))
    file = services.site_file
    app.include_router(control_api.control_router(services.connectors, lambda version: package_of(file, version)))
    app.include_router(questions_api.questions_router(services.connectors.find, services.questions))
    app.include_router(fraud.link_router(services.guard, peers))
    app.include_router(picture.link_router(lambda: picture.state_of(services), peers))
    app.include_router(explaining.link_router(_explaining(services), peers))
    app.include_router(calls.link_router(*_calls_of(services), peers))
    known = services.announcing
    app.include_router(presence.link_router(known.presence, known.owning, peers))
    return app


def _include_features(app: FastAPI, services: Services) -> None:
    """The features' routes. Each is declared in api/permissions.py, or the site does not start."""
    file = services.site_file
    site = file.site
    app.include_router(state.router(services))
    app.include_router(metrics.router(services))
    app.include_router(picture.router(services))
    app.include_router(setup.router(services))
    people = services.directory
    app.include_router(explaining.router(_explaining(services), people))
    app.include_router(directory.router(people, services.activity.exported))
    app.include_router(contacts.router(people))
    app.include_router(messaging.router(services.messages))
    app.include_router(turn.router(services.ice))
    app.include_router(messaging.export_router(services.messages, people))
    known = services.announcing
    app.include_router(presence.router(known.presence, known.owning, people))
    app.include_router(tenancy.router(services.tenants, site.tenant))
    # Before the numbers, whose names would be taken for `ports`, `offers` and `purchases`.
    app.include_router(porting.router(services.porting, site.tenant))
    app.include_router(carriers.router(services.purchases, services.emergency.locations.place, site.tenant))
    app.include_router(numbers.router(services.numbers, site.tenant))
    app.include_router(groups.router(services.groups, people, site.tenant))
    app.include_router(licence.router(services.licences, people, site.tenant))
    app.include_router(policy.router(services.policies, people, site.tenant))
    app.include_router(plans.router(services.plans, people, site.tenant))
    app.include_router(plans.credit_router(services.plans, site.tenant))
    app.include_router(pstn.router(services.routes, site.tenant))
    app.include_router(pstn.trunk_router(lambda: trunks.states(file, lambda *words: ask(file, *words))))
    app.include_router(fraud.router(services.guard, services.capping, site.tenant))
    where = services.emergency
    app.include_router(emergency.router(where.locations, where.choices, where.lending, people, site.tenant))
    app.include_router(connectors.router(services.connectors, where_of(file), site.tenant))
    app.include_router(audit.router(services.audit, site.name, services.activity.exported))
    app.include_router(calls.router(*_calls_of(services), site.name, services.moving.links))
    app.include_router(records.router(services.records, services.rates, site.tenant, services.activity.exported))
    app.include_router(records.report_router(services.records, services.reports, services.activity.exported))
    moving = services.moving
    app.include_router(homing.local_router(moving.moves, moving.group_members))
    # What comes back in a move has this site's own name in its Path, too.
    hosts = {site.fqdn: site.name} | {peer.fqdn: peer.name for peer in services.site_file.peer}
    app.include_router(registration.router(site.name, people, moving.registrar, hosts=hosts))
    app.include_router(link.local_router(moving.links, services.compare))
    app.include_router(sync.router(services.sync))
    app.include_router(photos.router(services.photos, people))
    found = operations.Operations(moving.moves, services.sync, site.tenant)
    app.include_router(operations.router(found, operations.Watch(found.again)))
    app.include_router(scim.router(services.scim, site.tenant))
    app.include_router(devices.router(site.name, services.devices, services.uses, moving.links))
    app.include_router(activity.router(services.activity, services.identity.accounts, services.networks))
    parts = services.identity
    app.include_router(identity.router(parts.accounts, parts.own, people, site.tenant))


def _calls_of(services: Services) -> tuple[calls.Dialogs, calls.End, Directory]:
    file = services.site_file
    return (
        lambda: ask(file, "dlg.list"),
        lambda call: end_call(file, call, _ENDED),
        services.directory,
    )


def _explaining(services: Services) -> Explaining:
    def behind(tenant: str, telephone: Telephone) -> str | None:
        with contextlib.suppress(IsthmusError):  # it is no number of the inventory, or that is kept elsewhere
            return next((str(aor) for _, aor in services.numbers.get(tenant, telephone)[1]), None)
        return None

    file = services.site_file
    places = MapFile(file.snapshot_dir)
    return Explaining(
        file.site.name,
        services.writer.reader(),
        services.moving.links,
        behind,
        lambda request: explained.steps(places.map(), request),
        services.questions.ask,
    )


def _gated(app: FastAPI, services: Services, door: Door, *, secure: bool) -> FastAPI:
    openapi.serve(app)
    # All inside the gate, which is added last. Answers kept under a key are given whatever the object is like by now.
    app.add_middleware(Conditional)
    app.add_middleware(Preconditions, routes=app)
    app.add_middleware(Idempotent, answered=Answered(services.engine, services.identity.sealer))
    app.add_middleware(Gate, routes=app, door=door, tenant=services.site_file.site.tenant, secure=secure)
    app.add_middleware(Counting)
    return checked(app)


def _app(title: str, *first: Callable[..., Any]) -> FastAPI:
    app = FastAPI(
        title=f"Isthmus {title}",
        # No pages of documentation: they load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        dependencies=[Depends(each) for each in first],
    )
    errors.add_handlers(app)
    return app
