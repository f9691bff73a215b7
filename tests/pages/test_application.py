"""The web application as a site serves it: fresh nonces, files for ever, and a page that says what is missing."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from isthmus.api import errors
from isthmus.pages import application

PAGE = '<!doctype html><meta property="csp-nonce" nonce="{nonce}"><script src="/phone/assets/a-1.js" nonce="{nonce}">'
SCRIPT = b"export const a = 1;" * 50


@pytest.fixture
def built(tmp_path: Path) -> Path:
    assets = tmp_path / "built" / "assets"
    assets.mkdir(parents=True)
    (assets.parent / "index.html").write_text(PAGE)
    for page in ("index", "console"):
        (assets.parent / f"{page}.callback.html").write_text(
            PAGE + '<link rel="modulepreload" href="/phone/assets/a-1.js">'
        )
    (assets.parent / "worker.js").write_bytes(SCRIPT)
    (assets.parent / "console.html").write_text(PAGE.replace("a-1", "c-1"))
    (assets / "a-1.js").write_bytes(SCRIPT)
    (assets / "a-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "a-1.js.br").write_bytes(b"packed by brotli")
    (assets / "secret.txt").write_text("not for browsers")
    return assets.parent


def client(built: Path) -> TestClient:
    app = FastAPI()
    errors.add_handlers(app)
    app.include_router(application.router("premises.contoso.example:8443", built))
    return TestClient(app, base_url="https://premises.contoso.example:8443")


@pytest.mark.parametrize(
    "path", ["/phone/", "/phone/callback?code=c", "/phone/some/deep/link", "/phone", "/console/people/a@b"]
)
def test_every_page_is_the_application_with_a_nonce_of_its_own(built: Path, path: str):
    browser = client(built)
    nonces = set()
    for _ in range(2):
        answer = browser.get(path)
        assert answer.status_code == 200
        found = re.findall(r'nonce="([\w-]{20,})"', answer.text)
        assert len(found) == 2
        assert f"'nonce-{found[0]}'" in answer.headers["content-security-policy"]
        nonces.update(found)
    assert len(nonces) == 2


def test_the_policy_lets_no_script_in_that_is_not_the_sites(built: Path):
    policy = client(built).get("/phone/").headers["content-security-policy"]
    parts = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert parts["default-src"] == "'none'"
    assert parts["script-src"] == "'self'"
    assert "unsafe" not in policy
    assert parts["connect-src"] == "'self' wss://premises.contoso.example:8443"


def test_the_console_is_a_page_of_its_own_and_shares_the_files(built: Path):
    browser = client(built)
    for path in ("/console", "/console/", "/console/people?home=online"):
        answer = browser.get(path)
        assert "/phone/assets/c-1.js" in answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]


def test_files_are_kept_for_ever_and_come_packed_to_who_takes_it(built: Path):
    browser = client(built)
    packed = browser.get("/phone/assets/a-1.js", headers={"Accept-Encoding": "gzip, deflate"})
    plain = browser.get("/phone/assets/a-1.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content == SCRIPT
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["content-type"].startswith("text/javascript")
    with browser.stream("GET", "/phone/assets/a-1.js", headers={"Accept-Encoding": "gzip, deflate, br"}) as tight:
        assert tight.headers["content-encoding"] == "br"
        assert tight.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize("page", ["phone", "console"])
def test_who_comes_back_from_signing_in_fetches_all_at_once(built: Path, page: str):
    browser = client(built)
    back = browser.get(f"/{page}/callback?code=c&state=s").text
    assert '<link rel="modulepreload"' in back
    assert '<link rel="modulepreload"' not in browser.get(f"/{page}/").text
    # Nothing but the links is another.
    assert "/phone/assets/" in back


@pytest.mark.parametrize("name", ["b.js", "secret.txt", "a-1.js.gz"])
def test_nothing_else_is_served(built: Path, name: str):
    assert client(built).get(f"/phone/assets/{name}").status_code == 404


def test_the_service_worker_governs_the_phone_alone_and_is_never_kept(built: Path):
    worker = client(built).get("/phone/worker.js")
    assert worker.content == SCRIPT
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["cache-control"] == "no-cache"
    assert "service-worker-allowed" not in worker.headers
    assert "default-src 'none'" in worker.headers["content-security-policy"]


def test_a_page_says_of_which_build_it_is(built: Path):
    (built / "index.html").write_text('<meta name="build" content="{build}">')
    assert f'content="{application.build(built)}"' in client(built).get("/phone/").text


def test_where_it_was_not_built_the_page_says_so(tmp_path: Path):
    browser = client(tmp_path / "none")
    answer = browser.get("/phone/")
    assert answer.status_code == 503
    assert "deploy/bootstrap" in answer.text
    assert browser.get("/phone/assets/a-1.js").status_code == 404
    assert browser.get("/phone/worker.js").status_code == 404
