"""The three applications: for people on this machine, for the peer, for browsers."""

from __future__ import annotations

from html import escape

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from isthmus.activity import api as activity
from isthmus.api import errors, state
from isthmus.api.peer import PeersOnly
from isthmus.audit import api as audit
from isthmus.calls import api as calls
from isthmus.directory import api as directory
from isthmus.directory import group_api as groups
from isthmus.engines.kamailio.bulk import ask
from isthmus.homing import api as homing
from isthmus.link import api as link
from isthmus.policy import api as policy
from isthmus.policy import licence_api as licence
from isthmus.registration import api as registration
from isthmus.site.services import Services
from isthmus.sync import api as sync


def local_app(services: Services) -> FastAPI:
    """Everything the command line does. On a socket that only this site's unix user can open."""
    app = _app("local API")
    app.include_router(state.router(services))
    app.include_router(directory.router(services.directory))
    tenant = services.site_file.site.tenant
    app.include_router(groups.router(services.groups, tenant))
    app.include_router(licence.router(services.licences, tenant))
    app.include_router(policy.router(services.policies, tenant))
    app.include_router(audit.router(services.audit, services.site_file.site.name))
    app.include_router(calls.router(lambda: ask(services.site_file, "dlg.list")))
    moving = services.moving
    app.include_router(homing.local_router(moving.moves, moving.group_members))
    here = services.site_file.site
    # What comes back in a move has this site's own name in its Path, too.
    hosts = {here.fqdn: here.name} | {peer.fqdn: peer.name for peer in services.site_file.peer}
    app.include_router(registration.router(here.name, services.directory, moving.registrar, hosts=hosts))
    app.include_router(link.local_router(moving.links, services.compare))
    app.include_router(sync.router(services.sync))
    app.include_router(activity.router(services.activity))
    return app


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
    return app


def web_app(services: Services) -> FastAPI:
    """What a browser finds on the web port, without sign-in: which site this is, and that it is up."""
    app = _app("web")
    name, role = services.site_file.site.name, services.site_file.site.role.value

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"site": name, "status": "up"}

    @app.get("/", response_class=HTMLResponse)
    def page() -> str:
        return _PAGE.format(name=escape(name), role=escape(role), fqdn=escape(services.site_file.site.fqdn))

    return app


_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Isthmus: {name}</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 4rem auto; padding: 0 1rem }}</style>
<h1>Isthmus site <em>{name}</em></h1>
<p>Role: {role}. Host name: {fqdn}.</p>
<p>Phones reach it here by SIP over WebSocket, on this same port.</p>
</html>
"""


def _app(title: str) -> FastAPI:
    # No pages of documentation: they load scripts from elsewhere.
    app = FastAPI(title=f"Isthmus {title}", docs_url=None, redoc_url=None, openapi_url=None)
    errors.add_handlers(app)
    return app
