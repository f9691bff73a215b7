"""Subscriptions and publications of SIP clients, with no network."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.presence.watchers import CONTROL, PERSON, Limits, Notify, Out, Watchers
from isthmus.useragent.message import Header, Request, Response
from isthmus.useragent.transaction import Flow
from tests.presence.test_pidf import PLAIN, RICH
from tests.presence.world import World, aor

FLOW = Flow(("127.0.0.1", 15161), None, reliable=False)
SECRET = "s3cret"
KIND = ("Content-Type", "application/pidf+xml")


class Bench:
    """The watchers of premises, in a world where bob lives at online."""

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.world = World(folder)
        self.world.create("alice", "premises")
        self.world.create("bob", "online")
        self.world.exchange()
        site = self.world.premises
        self.watchers = Watchers(
            site.presence, site.here, site.people, secret=lambda: SECRET, via=self._via, limits=limits or Limits()
        )
        self.now, self.branch = 1000.0, 0

    def _via(self) -> Header:
        self.branch += 1
        return ("Via", f"SIP/2.0/UDP 127.0.0.1:15162;branch=z9hG4bK{self.branch}")

    def ask(
        self,
        method: str = "SUBSCRIBE",
        target: str = "bob",
        *more: Header,
        call_id: str = "c1",
        cseq: int = 1,
        to_tag: str = "",
        body: bytes = b"",
        without: str = "",
        who: str = "alice",
    ) -> list[Out]:
        to = f"<sip:{aor(target)}>" + (f";tag={to_tag}" if to_tag else "")
        headers: list[Header] = [
            ("Via", f"SIP/2.0/UDP 127.0.0.1:15161;branch=z9hG4bK{call_id}{cseq}"),
            ("From", f"<sip:{aor(who)}>;tag=f1"),
            ("To", to),
            ("Call-ID", call_id),
            ("CSeq", f"{cseq} {method}"),
            ("Contact", "<sip:alice@192.0.2.1;isf=x>"),
            ("Record-Route", "<sip:127.0.0.1;lr;isd=y>"),
            ("Event", "presence"),
            (CONTROL, SECRET),
            (PERSON, aor(who)),
        ]
        given = {name for name, _ in more} | {without}
        kept = [pair for pair in headers if pair[0] not in given]
        return self.watchers.request(Request((*kept, *more), body, method, f"sip:{aor(target)}"), FLOW, self.now)

    def set_bob(self, availability: str) -> list[Out]:
        online = self.world.online
        online.presence.choose(online.id("bob"), {"availability": availability})
        self.world.exchange()
        return self.watchers.changed(self.world.premises.id("bob"), self.now)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def code(outs: list[Out]) -> int:
    assert isinstance(outs[0], Response)
    return outs[0].code


def notify(outs: list[Out]) -> Notify:
    (found,) = [out for out in outs if isinstance(out, Notify)]
    return found


def state(outs: list[Out]) -> str:
    return notify(outs).request.get("Subscription-State")


def test_a_subscription_is_answered_and_told_at_once_by_the_way_it_came(bench: Bench):
    outs = bench.ask()
    accepted = outs[0]
    assert isinstance(accepted, Response)
    assert (accepted.code, accepted.get("Expires")) == (200, "3600")
    first = notify(outs).request
    assert (first.uri, first.all("Route")) == ("sip:alice@192.0.2.1;isf=x", ["<sip:127.0.0.1;lr;isd=y>"])
    assert first.from_tag == accepted.to_tag
    assert (first.get("Subscription-State"), first.get("Event")) == ("active;expires=3600", "presence")
    assert b"<basic>closed</basic>" in first.body


def test_changes_at_the_other_home_are_told_one_at_a_time_and_the_newest_wins(bench: Bench):
    first = notify(bench.ask())
    assert bench.set_bob("busy") == []  # the first is still under way
    assert bench.set_bob("away") == []
    second = notify(bench.watchers.answered(first.key, 200, bench.now))
    assert b"<rpid:away/>" in second.request.body
    assert second.request.cseq[0] == first.request.cseq[0] + 1
    assert bench.watchers.answered(second.key, 200, bench.now) == []
    assert b"<rpid:busy/>" in notify(bench.set_bob("busy")).request.body


@pytest.mark.parametrize("answer", [481, 408, 603])
def test_who_does_not_take_it_has_no_subscription_any_more(bench: Bench, answer: int):
    first = notify(bench.ask())
    assert bench.watchers.answered(first.key, answer, bench.now) == []
    assert len(bench.watchers) == 0
    assert bench.set_bob("busy") == []


def test_it_expires_is_refreshed_and_ended(bench: Bench):
    outs = bench.ask("SUBSCRIBE", "bob", ("Expires", "120"))
    tag, key = outs[0].to_tag, notify(outs).key  # type: ignore[union-attr]
    bench.watchers.answered(key, 200, bench.now)
    bench.now += 100
    again = bench.ask("SUBSCRIBE", "bob", ("Expires", "120"), cseq=2, to_tag=tag)
    assert (code(again), state(again)) == (200, "active;expires=120")
    bench.watchers.answered(key, 200, bench.now)
    bench.now += 100
    assert bench.watchers.tick(bench.now) == []
    bench.now += 21
    assert state(bench.watchers.tick(bench.now)) == "terminated;reason=timeout"
    bench.watchers.answered(key, 200, bench.now)
    assert len(bench.watchers) == 0
    assert code(bench.ask("SUBSCRIBE", "bob", cseq=3, to_tag=tag)) == 481


def test_to_look_once_and_to_end_are_answered_by_a_last_word(bench: Bench):
    once = bench.ask("SUBSCRIBE", "bob", ("Expires", "0"))
    assert (code(once), state(once)) == (200, "terminated;reason=timeout")
    bench.watchers.answered(notify(once).key, 200, bench.now)
    assert len(bench.watchers) == 0


@pytest.mark.parametrize(
    ("more", "target", "expected"),
    [
        ((("Event", "dialog"),), "bob", 489),
        ((("Event", ""),), "bob", 489),
        ((("Expires", "59"),), "bob", 423),
        ((("Expires", "soon"),), "bob", 423),
        ((("Accept", "text/plain"),), "bob", 406),
        ((("Accept", "text/plain, application/pidf+xml"),), "bob", 200),
        ((), "nobody", 404),
        (((CONTROL, "wrong"),), "bob", 403),
        (((PERSON, aor("nobody")),), "bob", 403),
    ],
)
def test_what_can_not_be_subscribed_to_is_refused(bench: Bench, more: tuple[Header, ...], target: str, expected: int):
    assert code(bench.ask("SUBSCRIBE", target, *more)) == expected


def test_a_storm_is_turned_away_with_times_apart(tmp_path: Path):
    bench = Bench(tmp_path, Limits(of_person=1000, per_s=10, burst=20))
    codes = [code(bench.ask(call_id=f"c{number}")) for number in range(50)]
    assert (codes.count(200), codes.count(503)) == (20, 30)
    refused = [bench.ask(call_id=f"d{number}")[0] for number in range(40)]
    waits = {int(each.get("Retry-After")) for each in refused}  # type: ignore[union-attr]
    assert len(waits) > 5
    assert all(5 <= each <= 60 for each in waits)
    bench.now += 1
    assert code(bench.ask(call_id="later")) == 200


def test_nobody_has_more_subscriptions_than_they_may(tmp_path: Path):
    bench = Bench(tmp_path, Limits(of_person=2))
    assert [code(bench.ask(call_id=f"c{number}")) for number in range(3)] == [200, 200, 503]
    assert code(bench.ask(call_id="other", who="bob")) == 200


def test_a_cut_is_told_to_who_watches_people_there(bench: Bench):
    first = notify(bench.ask())
    bench.watchers.answered(first.key, 200, bench.now)
    bench.watchers.answered(notify(bench.set_bob("busy")).key, 200, bench.now)
    bench.world.cut()
    bench.world.exchange()
    assert b"<rpid:unknown/>" in notify(bench.watchers.changed_at("online", bench.now)).request.body


def test_privacy_holds_for_sip_too(bench: Bench):
    online = bench.world.online
    online.presence.choose(online.id("bob"), {"availability": "busy", "note": "x-rated", "shows": "availability"})
    bench.world.exchange()
    body = notify(bench.ask()).request.body
    assert b"busy" in body
    assert b"x-rated" not in body


def publish(
    bench: Bench, body: bytes = PLAIN % b"open", *more: Header, cseq: int = 1, target: str = "alice"
) -> Response:
    (answer,) = bench.ask("PUBLISH", target, *(more or (KIND,)), body=body, cseq=cseq, call_id=f"p{cseq}")
    assert isinstance(answer, Response)
    return answer


def test_what_a_client_publishes_is_its_persons_presence_until_it_ends(bench: Bench):
    premises = bench.world.premises
    first = publish(bench, RICH % b"<r:meeting/>")
    assert (first.code, premises.state("alice")) == (200, "busy")
    tag = first.get("SIP-ETag")
    kept = publish(bench, b"", ("SIP-If-Match", tag), ("Expires", "60"), cseq=2)
    assert (kept.code, premises.state("alice")) == (200, "busy")
    assert kept.get("SIP-ETag") != tag
    changed = publish(bench, PLAIN % b"open", KIND, ("SIP-If-Match", kept.get("SIP-ETag")), cseq=3)
    assert (changed.code, premises.state("alice"), premises.known("alice").state.note) == (
        200,
        "available",
        "at my desk",
    )
    ended = publish(bench, b"", ("SIP-If-Match", changed.get("SIP-ETag")), ("Expires", "0"), cseq=4)
    assert (ended.code, premises.state("alice")) == (200, "offline")


@pytest.mark.parametrize(
    ("body", "more", "target", "expected"),
    [
        (PLAIN % b"open", (KIND,), "bob", 403),
        (PLAIN % b"open", (("Content-Type", "text/plain"),), "alice", 415),
        (b"x" * 20_000, (KIND,), "alice", 413),
        (b"<presence>", (KIND,), "alice", 400),
        (b"", (KIND,), "alice", 400),
        (b"", (("SIP-If-Match", "unknown"),), "alice", 412),
        (PLAIN % b"open", (KIND, ("Expires", "5")), "alice", 423),
    ],
)
def test_what_can_not_be_published_is_refused(
    bench: Bench, body: bytes, more: tuple[Header, ...], target: str, expected: int
):
    assert publish(bench, body, *more, target=target).code == expected
    assert bench.world.premises.state("alice") == "offline"


def test_a_flood_of_publications_is_bounded(bench: Bench):
    codes = [publish(bench, cseq=number).code for number in range(1, 15)]
    assert (codes.count(200), codes.count(503)) == (10, 4)


def test_other_methods_are_not_for_presence(bench: Bench):
    assert code(bench.ask("INVITE")) == 405
