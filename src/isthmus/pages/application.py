"""The web application (`web/`), as `deploy/bootstrap` has built it: its pages, and the files that these load."""

from __future__ import annotations

import hashlib
import secrets
from html import escape
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from isthmus.errors import NotFoundError

BUILT = Path(str(files("isthmus.pages"))) / "built"
_KINDS = {
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
_NONCE, _BUILD = "{nonce}", "{build}"
# Of the phone's own, for what a tab is told while nobody looks: at an address that governs the phone and nothing else.
_WORKER = "worker.js"
# The names of these files have the hash of what is in them.
_FOR_EVER = "public, max-age=31536000, immutable"
# Where signing in leads back to: the same page, that has all fetched at once which is needed from there on.
_CALLBACK = "callback"
# As a browser names them, the tightest first.
_PACKED = {"br": ".br", "gzip": ".gz"}
_MISSING = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Isthmus</title>
<h1>The web application isn't built</h1>
<p>This site runs, but its web application was not built. On its machine, run
<code>deploy/bootstrap</code> in the folder of Isthmus; it says what is missing.</p>
</html>
"""


def policy(host: str, nonce: str) -> str:
    """What the application's pages may load: of this site alone, and no script that is written in a page.

    Styles are made by Fluent UI while it runs; they bear the nonce that came with the page. `host`: with the port, for
    the WebSocket, which not every browser counts as this site's own.
    """
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self' wss://{host}; "
        "img-src 'self'; worker-src 'self'; font-src 'self'; media-src 'self'; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )


def build(built: Path = BUILT) -> str:
    """Which build of the application is served: tabs that have another one are to be loaded anew. Empty: none is."""
    try:
        return hashlib.sha256((built / "index.html").read_bytes()).hexdigest()[:16]
    except FileNotFoundError:
        return ""


def router(host: str, built: Path = BUILT) -> APIRouter:
    """/phone and /console, and all below them.

    host: name and port by which browsers reach the site. built: where the files are.
    """
    routes = APIRouter(include_in_schema=False)

    @routes.get("/phone")
    def short() -> Response:
        return RedirectResponse("/phone/", 308)

    @routes.get("/console")
    def short_console() -> Response:
        return RedirectResponse("/console/", 308)

    @routes.get("/phone/assets/{name}")
    def asset(name: str, request: Request) -> Response:
        return _asset(built / "assets", name, request.headers.get("accept-encoding", ""))

    # Whatever else is below is a page of the application's own, which it finds by the address.
    @routes.get("/phone/{path:path}", response_class=HTMLResponse)
    def page(path: str) -> Response:
        return _worker(built / _WORKER) if path == _WORKER else _page(built / _file("index", path), host)

    # The console's files are the same build's, below /phone/assets.
    @routes.get("/console/{path:path}", response_class=HTMLResponse)
    def console(path: str) -> Response:
        return _page(built / _file("console", path), host)

    return routes


def _file(page: str, path: str) -> str:
    return f"{page}.callback.html" if path == _CALLBACK else f"{page}.html"


def _page(file: Path, host: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Content-Security-Policy": policy(host, nonce),
        "Permissions-Policy": "microphone=(self), camera=(self), display-capture=(self)",
    }
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return HTMLResponse(_MISSING, 503, headers)
    return HTMLResponse(text.replace(_NONCE, escape(nonce)).replace(_BUILD, build(file.parent)), headers=headers)


def _worker(file: Path) -> Response:
    """The service worker. Asked for anew each time, or an old one would govern newer pages."""
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'; connect-src 'self'"}
    if not file.is_file():
        raise NotFoundError("the web application is not built")
    return Response(file.read_bytes(), 200, headers, _KINDS["js"])


def _asset(folder: Path, name: str, accepted: str) -> Response:
    """One file by its name, which is that alone and no way to another folder.

    accepted: how the browser takes it packed, as it says so.
    """
    kind = _KINDS.get(name.rpartition(".")[2])
    if kind is None or "/" in name or not (folder / name).is_file():
        raise NotFoundError(f"there is no file {name[:80]!r}")
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    takes = {each.partition(";")[0].strip() for each in accepted.split(",")}
    for coding, end in _PACKED.items():
        packed = folder / f"{name}{end}"
        if coding in takes and packed.is_file():
            return Response(packed.read_bytes(), 200, headers | {"Content-Encoding": coding}, kind)
    return Response((folder / name).read_bytes(), 200, headers, kind)
