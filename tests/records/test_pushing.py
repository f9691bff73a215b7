"""A connector's call records reach the site it belongs to: once, in order, and judged there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import to_builtins

from isthmus.directory.service import Directory
from isthmus.errors import RefusedError, UsageError
from isthmus.link.client import LinkDownError
from isthmus.records import pushing
from isthmus.records.model import Filter, Record
from isthmus.records.pushing import Pushing, Received
from isthmus.records.rating import Rates
from isthmus.records.service import Records
from tests.records.conftest import ALICE, Office, answered, begins, bye, dials, failed

CONNECTOR = "premises"  # what the office's records call themselves


class Site:
    """The site that takes them in; away where a test says so, and answers get lost."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.records = Records(directory.engine, "online")
        self.received = Received(directory.engine, self.records, ["online", "hq"])
        self.away = self.lose = False

    def ask(self, path: str, body: Any) -> Any:
        assert path == "/link/connector/records"
        if self.away:
            raise LinkDownError("online", "no answer in time")
        reached = self.received.take(body["page"], body["after"], CONNECTOR, "contoso")
        if self.lose:
            raise LinkDownError("online", "the connection broke")
        return {"reached": reached}

    def all(self) -> list[Record]:
        return sorted(self.records.find(Filter(), limit=1000), key=lambda each: each.seq)


@pytest.fixture
def site(other_site: Callable[[], Directory]) -> Site:
    return Site(other_site())


def calls(office: Office, *names: str) -> None:
    for name in names:
        office.tell(begins(100, name), failed(101, call_id=name))


def test_they_go_once_and_in_order_whatever_is_cut_and_lost(office: Office, site: Site, monkeypatch):
    monkeypatch.setattr(pushing, "_PAGE", 2)
    push = Pushing(office.engine, office.records, site.ask)
    calls(office, "a", "b", "c")
    assert push.work() == 3
    site.away = True
    calls(office, "d", "e", "f")
    with pytest.raises(LinkDownError):
        push.work()
    site.away, site.lose = False, True
    with pytest.raises(LinkDownError):
        push.work()
    site.lose = False
    push.work()
    calls(office, "g")
    assert Pushing(office.engine, office.records, site.ask).work() == 1  # started anew: the site knows where it was
    assert [(each.seq, each.call_id) for each in site.all()] == list(zip(range(1, 8), "abcdefg", strict=True))


def test_the_site_says_itself_whose_call_it_was_and_what_it_cost(office: Office, site: Site):
    table = "prefix,name,price_per_minute,currency\n+44,UK,0.60,EUR\n"
    Rates(site.directory).replace("contoso", table, actor="test")
    office.tell(dials(100, "+442079460000"), answered(110), bye(170))
    told = office.all()[0]
    lie = to_builtins(told) | {"caller_tenant": "fabrikam", "caller_person": "x", "cost_micro": 1, "currency": "XTS"}
    site.received.take(
        {"site": CONNECTOR, "stream": told.stream, "last": told.seq, "records": [lie]}, 0, CONNECTOR, "contoso"
    )
    (held,) = site.all()
    assert (held.caller, held.caller_tenant, held.caller_person) == (ALICE, "contoso", "")
    assert (held.cost_micro, held.currency) == (600_000, "EUR")


def test_a_connector_speaks_for_itself_alone(office: Office, site: Site):
    calls(office, "a")
    page = to_builtins(office.records.page("", 0))
    with pytest.raises(RefusedError, match="not its own"):
        site.received.take(page, 0, "branch-b", "contoso")
    with pytest.raises(RefusedError, match="name of a site"):
        site.received.take(page | {"site": "hq"}, 0, "hq", "contoso")
    for nonsense in ({}, {"site": 1}, page | {"last": -1}, page | {"last": 0}):
        with pytest.raises(UsageError):
            site.received.take(nonsense, 0, CONNECTOR, "contoso")
    assert site.all() == []
