"""The authority's directory held against a peer's, over real HTTP; the peer's database is tampered with by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from isthmus.addressing import Aor
from isthmus.database import open_database
from isthmus.directory.model import Credentials, NewPerson, PersonChanges
from isthmus.directory.service import Directory
from isthmus.errors import RefusedError
from isthmus.link.client import PeerClient
from isthmus.link.compare import Comparison, compare
from isthmus.link.peer import PeerLink
from tests.link.test_peer import DOMAIN, Peer, authority, peer

__all__ = ["authority", "peer"]


@pytest.fixture
def link(authority: Directory, peer: Peer) -> Iterator[PeerLink]:
    for number in range(40):
        aor = Aor(f"user{number}", DOMAIN)
        credentials = Credentials.of(aor, "x")
        authority.create(NewPerson(aor, aor.user, "premises", credentials, f"+1425555{number:04}"), actor="test")
    made = PeerLink(PeerClient("online", peer.socket), authority, hello_every_s=0.1)
    made.start()
    made.flush(authority.last_seq())
    yield made
    made.stop()


def run(authority: Directory, link: PeerLink, *, repair: bool = False) -> Comparison:
    return compare(authority, [link], repair=repair, actor="test")[0]


def tamper(folder: Path, *statements: str) -> None:
    engine = open_database(f"sqlite:///{folder / 'online.db'}")
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_sites_that_agree_are_proved_to(authority: Directory, link: PeerLink):
    found = run(authority, link)
    assert (found.agrees, found.people, found.differing) == (True, 40, {})


def test_whoever_differs_is_named_and_repaired(authority: Directory, link: PeerLink, peer: Peer, tmp_path: Path):
    tamper(
        tmp_path,
        f"UPDATE person SET number = '+19999999' WHERE aor = 'user1@{DOMAIN}'",
        f"UPDATE person SET ha1_md5 = x'00112233445566778899aabbccddeeff' WHERE aor = 'user2@{DOMAIN}'",
        f"DELETE FROM person WHERE aor = 'user3@{DOMAIN}'",
        f"UPDATE person SET aor = 'stranger@{DOMAIN}', number = NULL WHERE aor = 'user4@{DOMAIN}'",
        f"UPDATE person SET home_epoch = 7 WHERE aor = 'user5@{DOMAIN}'",
    )
    told = {aor.user: what for aor, what in run(authority, link).differing.items()}
    assert told == {
        "stranger": "is at the peer alone",
        "user1": "is different at the peer",
        "user2": "is different at the peer",
        "user3": "is missing at the peer",
        "user4": "is missing at the peer",
        "user5": "has an epoch at the peer that is ahead of ours",
    }
    repaired = run(authority, link, repair=True)
    assert (len(repaired.differing), repaired.repaired, repaired.agrees) == (6, 6, True)
    assert run(authority, link).differing == {}
    assert authority.get(Aor("user5", DOMAIN)).home_epoch == 8
    assert list(authority.everybody()[1]) == list(peer.directory.everybody()[1])
    # And the feed goes on as before.
    authority.set(Aor("user5", DOMAIN), PersonChanges(display_name="Five"), actor="test")
    link.flush(authority.last_seq())
    assert peer.directory.get(Aor("user5", DOMAIN)).display_name == "Five"


def test_what_changes_meanwhile_is_no_difference(authority: Directory, link: PeerLink):
    summary = authority.summary

    def and_everybody_changes() -> list[str]:
        digests = summary()
        for number in range(40):
            authority.set(Aor(f"user{number}", DOMAIN), PersonChanges(display_name="new"), actor="test")
        link.flush(authority.last_seq())
        return digests

    authority.summary = and_everybody_changes  # type: ignore[method-assign]
    assert run(authority, link).agrees


def test_domains_that_differ_are_repaired(authority: Directory, link: PeerLink, peer: Peer, tmp_path: Path):
    authority.add_domain("two.example", authority.domains()[DOMAIN], actor="test")
    link.flush(authority.last_seq())
    tamper(tmp_path, "DELETE FROM domain WHERE name = 'two.example'")
    assert run(authority, link).domains is False
    assert run(authority, link, repair=True).agrees
    assert "two.example" in peer.directory.domains()


def test_a_peer_that_can_t_be_asked_proves_nothing(authority: Directory, link: PeerLink, peer: Peer):
    peer.stop()
    found = run(authority, link)
    assert not found.agrees
    assert "the link to online is down" in found.why
    peer.start()


def test_only_the_authority_compares(peer: Peer):
    with pytest.raises(RefusedError, match="only the authority"):
        compare(peer.directory, [], repair=False, actor="test")
