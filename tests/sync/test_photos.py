"""People's photos: from a real slapd to whoever may see the person, at this site and at another one."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import ldap
import pytest
from sqlalchemy import Engine
from starlette.testclient import TestClient

from isthmus.addressing import Aor
from isthmus.api import link_app, web_app
from isthmus.database import writing
from isthmus.errors import UnavailableError
from isthmus.policy.model import Grant, Level, Policy
from isthmus.sync import mapping, model, store
from isthmus.sync.photo_api import PhotosOfPeople
from isthmus.sync.photos import MOST_BYTES, Photos, Taking, media_type
from isthmus.sync.sources.ldap import LdapSource
from tests.api.callers import Site, open_site
from tests.api.test_routes import WITHOUT_LIMITS
from tests.sync.slapd import BASE, Slapd
from tests.sync.world import World, configured, ldap_source

JPEG = b"\xff\xd8\xff\xe0" + b"j" * 500
ALICE = Aor("alice", "contoso.example")


def png(color: int) -> bytes:
    """The smallest picture there is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixel = zlib.compress(bytes([0, color]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


def test_a_photo_is_kept_once_and_dropped_when_it_is_nobodys(tmp_path: Path):
    photos = Photos(tmp_path / "photos")
    name = photos.keep(JPEG)
    assert photos.keep(JPEG) == name
    found = photos.get(name)
    assert found is not None and (found.data, found.media_type) == (JPEG, "image/jpeg")
    other = photos.keep(png(7))
    assert photos.sweep({name}) == 0, "young ones are left for a run that goes on"
    assert photos.sweep({name}, now=1e12) == 1
    assert photos.get(other) is None and photos.get(name) is not None


@pytest.mark.parametrize(
    "raw", [b"", b"<script>alert(1)</script>", b"GIF89a", b"\xff\xd8", b"\xff\xd8\xff" + b"x" * MOST_BYTES]
)
def test_what_is_no_photo_is_not_kept(tmp_path: Path, raw: bytes):
    photos = Photos(tmp_path)
    assert photos.keep(raw) == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64])
def test_no_other_file_is_read(tmp_path: Path, name: str):
    assert Photos(tmp_path).get(name) is None


def test_a_file_that_was_changed_is_none(tmp_path: Path):
    photos = Photos(tmp_path)
    name = photos.keep(JPEG)
    (tmp_path / name[:2] / name).write_bytes(png(1))
    assert photos.get(name) is None


@pytest.mark.engine
def test_photos_come_with_their_people_and_change_with_them(slapd: Slapd, sqlite: Engine, tmp_path: Path):
    photos = Photos(tmp_path / "photos")
    usual = ldap_source(slapd.server(), BASE)
    made: Any = usual.source
    attributes = mapping.parse("ldap", {}, region="US")
    taking = Taking(frozenset(each.lower() for each in attributes.photo), photos.keep)
    world = World(sqlite, configured("ldap", LdapSource(slapd.server(), made._scope, taking), attributes))
    dn = slapd.person("alice")
    slapd.person("bob")

    def put(*values: bytes) -> None:
        with slapd.admin() as connection:
            connection.modify_s(dn, [(ldap.MOD_REPLACE, "jpegPhoto", list(values) or None)])

    def photo() -> bytes | None:
        found = photos.get(world.service.details(ALICE).wanted.photo)
        return found.data if found else None

    put(JPEG)
    world.sync()
    assert photo() == JPEG
    put(png(1))
    assert world.counts() == {}, "a photo alone changes nothing of the directory"
    assert photo() == png(1)
    put(b"<html>no photo</html>")
    world.sync()
    assert photo() is None
    put(JPEG)
    world.sync()
    put()
    world.sync()
    assert photo() is None


class Link:
    """The link to a site, as its app answers it; `cut`: it does not."""

    def __init__(self, site: Site) -> None:
        self._client, self.cut, self.asked = TestClient(link_app(site.services)), False, 0

    def ask(self, path: str, body: Any, *, timeout_s: float = 3.0) -> Any:
        if self.cut:
            raise UnavailableError("the link is down")
        self.asked += 1
        return self._client.post(path, json=body, headers={"X-Isthmus-Peer": "online"}).json()


@pytest.fixture
def authority(tmp_path: Path) -> Iterator[Site]:
    services = open_site(tmp_path / "a")
    made = Site(services, web_app(services, WITHOUT_LIMITS))
    made.person(str(ALICE))
    yield made
    services.close()


def has_photo(site: Site, raw: bytes) -> str:
    """As a sync would have left it."""
    name = site.services.photos.photos.keep(raw)
    with writing(site.services.engine) as connection:
        store.put_links(connection, [model.Link("ad", "1", ALICE, model.Wanted("1", "x", ALICE, photo=name))])
    return name


def test_who_may_see_the_person_sees_the_photo(authority: Site):
    has_photo(authority, JPEG)
    authority.account("anna", "auditor")
    authority.account("fay", "auditor", tenant="fabrikam")
    anna, fay = authority.by_token("anna"), authority.by_token("fay")
    path = f"/v1/people/{ALICE}/photo"
    answer = anna.get(path)
    assert (answer.content, answer.headers["content-type"]) == (JPEG, "image/jpeg")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert anna.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304
    assert fay.get(path).status_code == 404
    assert anna.get("/v1/people/nobody@contoso.example/photo").status_code == 404
    policies = authority.services.policies
    policies.create(Policy("main", "client", "plain", (("photo", False),)), actor="test")
    policies.grant(Grant("main", "client", "plain", Level.TENANT, "main"), actor="test")
    assert anna.get(path).status_code == 404


def test_another_site_asks_for_it_once_and_has_it_while_the_link_is_cut(authority: Site, tmp_path: Path):
    name = has_photo(authority, JPEG)
    person = authority.services.directory.get(ALICE)
    link = Link(authority)
    there = PhotosOfPeople(authority.services.engine, Photos(tmp_path / "there"), link, lambda person: True)
    assert there.of(replace(person)) is not None
    found = there.of(person)
    assert found is not None and (found.hash, found.data, link.asked) == (name, JPEG, 1)
    link.cut = True
    there._known.clear()
    assert there.of(person) is None, "nothing is known of them here, and nobody can be asked"
    there._known.clear()
    link.cut = False
    there.of(person)
    link.cut = True
    there._known[ALICE] = (float("-inf"), name)
    late = there.of(person)
    assert late is not None and late.data == JPEG, "what was seen last is better than nothing"


def test_only_a_peer_may_ask(authority: Site):
    has_photo(authority, JPEG)
    client = TestClient(link_app(authority.services))
    body = {"aor": str(ALICE)}
    told = client.post("/link/photo", json=body, headers={"X-Isthmus-Peer": "online"}).json()
    assert base64.b64decode(told["data"]) == JPEG
    known = client.post("/link/photo", json={**body, "known": told["hash"]}, headers={"X-Isthmus-Peer": "online"})
    assert known.json() == {"hash": told["hash"], "data": ""}
    assert client.post("/link/photo", json=body, headers={"X-Isthmus-Peer": "stranger"}).status_code >= 400
    assert media_type(base64.b64decode(told["data"])) == "image/jpeg"
