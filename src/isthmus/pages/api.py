"""HTTP routes of the pages: the site's front page, and one's own account."""

from __future__ import annotations

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
_KINDS = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8"}
_STATIC = files("isthmus.pages") / "static"
_ASSETS = {each.name: each.read_bytes() for each in _STATIC.iterdir() if each.name.rpartition(".")[2] in _KINDS}


def router(site: str, role: str, fqdn: str) -> APIRouter:
    """GET /, /account and what these load."""
    routes = APIRouter(include_in_schema=False)
    named = {"{name}": site, "{role}": role, "{fqdn}": fqdn}
    front, account = (_page(name, named) for name in ("front.html", "account.html"))

    @routes.get("/", response_class=HTMLResponse)
    def front_page() -> Response:
        return _served(front)

    @routes.get("/account", response_class=HTMLResponse)
    def account_page() -> Response:
        return _served(account)

    @routes.get("/assets/{name}")
    def asset(name: str) -> Response:
        if name not in _ASSETS:
            raise NotFoundError(f"there is no file {name[:80]!r}")
        return Response(_ASSETS[name], media_type=_KINDS[name.rpartition(".")[2]])

    return routes


def _page(file: str, named: dict[str, str]) -> str:
    text = (_STATIC / file).read_text(encoding="utf-8")
    for mark, value in named.items():
        text = text.replace(mark, escape(value))
    return text


def _served(page: str) -> Response:
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})
