"""HTTP routes of the pages: the site's front page, one's own account and phones, and alerts."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from importlib.resources import files

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse

from isthmus.errors import NotFoundError

# What a page may load: scripts, styles and data of this site. Nothing else, and no script that is written in a page.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
_PAGES = {
    "/": "front.html",
    "/account": "account.html",
    "/devices": "devices.html",
    "/alerts": "alerts.html",
}
_PROVING = "prove.html"  # the dialog that asks for the second factor, the same in all
_KINDS = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
_STATIC = files("isthmus.pages") / "static"
_ASSETS = {each.name: each.read_bytes() for each in _STATIC.iterdir() if each.name.rpartition(".")[2] in _KINDS}


def router(site: str, role: str, fqdn: str) -> APIRouter:
    """The pages and what these load."""
    routes = APIRouter(include_in_schema=False)
    named = {"{name}": site, "{role}": role, "{fqdn}": fqdn}
    for path, file in _PAGES.items():
        routes.add_api_route(path, _serving(_page(file, named)), response_class=HTMLResponse)

    @routes.get("/assets/{name}")
    def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise NotFoundError(f"there is no file {name[:80]!r}")
        return Response(_ASSETS[name], media_type=_KINDS[name.rpartition(".")[2]])

    return routes


def _page(file: str, named: dict[str, str]) -> str:
    text, proving = ((_STATIC / each).read_text(encoding="utf-8") for each in (file, _PROVING))
    text = text.replace("{prove}", proving)
    for mark, value in named.items():
        text = text.replace(mark, escape(value))
    return text


def _serving(page: str) -> Callable[[], Response]:
    def serve() -> Response:
        return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})

    return serve
