"""Who is given credentials for TURN, and how often."""

import pytest

from isthmus.access.model import Principal, Proof, Way
from isthmus.errors import ForbiddenError, TooManyError
from isthmus.turn.rules import Server, credential
from isthmus.turn.service import IceServers

SERVER = Server("192.0.2.7", "premises.contoso.example", 3478, 5349)


def who(person: str = "p1", limit: frozenset[str] | None = None) -> Principal:
    return Principal("account", "a1", "anna", "contoso", Proof(Way.SESSION), person=person, limit=limit)


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def servers(server: Server | None = SERVER) -> tuple[IceServers, Clock]:
    clock = Clock()
    return IceServers(server, lambda: "open sesame", 3600, clock=clock, monotonic=clock), clock


def test_a_person_is_told_what_a_browser_takes():
    given = servers()[0].given(who())
    made = credential("open sesame", "p1", 1_700_003_600)
    assert given == {
        "iceServers": [
            {"urls": [SERVER.stun]},
            {"urls": list(SERVER.turn), "username": made.username, "credential": made.password},
        ],
        "lifetime_s": 3600,
    }


def test_a_site_without_a_server_says_so():
    assert servers(None)[0].given(who()) == {"iceServers": [], "lifetime_s": 3600}


@pytest.mark.parametrize("asks", [who(""), who(limit=frozenset({"person.read"}))])
def test_who_is_no_person_or_shows_a_limited_token_is_given_nothing(asks: Principal):
    with pytest.raises(ForbiddenError):
        servers()[0].given(asks)


def test_it_is_not_given_again_and_again():
    made, clock = servers()
    for _ in range(30):
        made.given(who())
    with pytest.raises(TooManyError):
        made.given(who())
    made.given(who("p2"))
    clock.now += 10
    made.given(who())
