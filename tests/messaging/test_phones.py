"""Messages on their way to phones: what waits, for whom, until when; and what a phone writes."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

import pytest

from isthmus.addressing import Aor
from isthmus.errors import UnavailableError
from isthmus.messaging.gateway import CONTROL, PERSON, Gateway
from isthmus.messaging.phones import MOST, Waiting
from isthmus.useragent.message import Request, Response
from tests.messaging.conftest import World, aor

DAY_S = 86400.0


@pytest.fixture(autouse=True)
def with_phones(world: World) -> None:
    for each in world.sites.values():
        each.messaging.phones = True


def waiting(world: World, site: str) -> Waiting:
    messages = world.sites[site]
    return Waiting(messages.messaging, messages.asking, world.clock)


def handed_over(world: World) -> None:
    """Each site hands what waits there for those who live elsewhere to their homes, as its listener does."""
    world.exchange()
    for site in world.sites:
        for person in waiting(world, site).people():
            waiting(world, site).of(person)


def texts(world: World, user: str, site: str = "") -> list[str]:
    return [each.text for each in waiting(world, site or world.home(user)).of(world.ids[user])]


def say(world: World, user: str, other: str, text: str) -> dict[str, Any]:
    chat = world.ask(user, "chat.open", aor=aor(other))["id"]
    sent: dict[str, Any] = world.ask(user, "chat.send", chat=chat, message=str(uuid.uuid4()), text=text)
    return sent


def write(world: World, site: str, user: str, other: str, body: bytes, **headers: str) -> Response:
    """What the SIP engine of a site hands over."""
    messages = world.sites[site]
    given = {
        "Via": "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKx",
        "From": f"<sip:{aor(user)}>;tag=a",
        "To": f"<sip:{aor(other)}>",
        "Call-ID": "one",
        "CSeq": "2 MESSAGE",
        "Content-Type": "text/plain",
        PERSON: aor(user),
        CONTROL: "secret",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request(tuple(given.items()), body, "MESSAGE", f"sip:{aor(other)}")
    return Gateway(messages.messaging, messages.asking, lambda: "secret").answer(request)


def test_a_message_waits_at_the_home_of_who_gets_it_and_there_alone(world: World):
    say(world, "alice", "bob", "one")
    say(world, "alice", "bob", "two")
    assert texts(world, "bob") == []
    handed_over(world)
    assert texts(world, "bob") == ["one", "two"]
    assert texts(world, "alice") == [] and texts(world, "bob", "premises") == []
    first = waiting(world, "online").of(world.ids["bob"])[0]
    assert (first.author, first.name, first.to, first.seen) == (aor("alice"), "Alice", aor("bob"), False)


def test_what_a_phone_took_waits_no_more_and_counts_as_delivered(world: World):
    sent = say(world, "alice", "bob", "one")
    handed_over(world)
    far = waiting(world, "online")
    far.taken(world.ids["bob"], far.of(world.ids["bob"])[0])
    assert far.people() == []
    world.exchange()
    marks = world.ask("alice", "chat.info", chat=sent["chat"])["marks"]
    assert {"delivered"} == {each["kind"] for each in marks if each["person"] == world.ids["bob"]}


def test_what_was_read_in_a_page_or_taken_back_does_not_come_to_phones(world: World):
    read, gone, left = (say(world, "alice", "anna", text) for text in ("read", "gone", "left"))
    world.ask("anna", "chat.mark", chat=read["chat"], upTo={read["site"]: read["stamp"]})
    world.ask("alice", "chat.delete", message=gone["id"])
    assert texts(world, "anna") == ["left"]
    world.ask("anna", "chat.mark", chat=left["chat"], upTo={left["site"]: left["stamp"]})
    assert texts(world, "anna") == []
    assert waiting(world, "premises").people() == []


def test_what_a_page_has_is_still_sent_to_phones_once(world: World):
    world.tabs["premises"].here.add(world.ids["anna"])
    say(world, "alice", "anna", "one")
    (found,) = waiting(world, "premises").of(world.ids["anna"])
    assert found.seen


def group_of_three(world: World) -> str:
    people = [aor("anna"), aor("bob")]
    group = world.ask("alice", "chat.group", chat=str(uuid.uuid4()), title="All", aors=people)
    return str(group["id"])


def test_what_is_said_in_a_group_comes_from_its_address_with_who_said_it(world: World):
    group = group_of_three(world)
    world.ask("alice", "chat.send", chat=group, message=str(uuid.uuid4()), text="everybody")
    handed_over(world)
    for user in ("anna", "bob"):
        (found,) = waiting(world, world.home(user)).of(world.ids[user])
        assert (found.author, found.name, found.text) == (f"group+{group}@contoso.example", "All", "Alice: everybody")
    assert texts(world, "alice") == []


def test_an_answer_to_a_group_goes_into_it_by_its_members_alone(world: World):
    group = group_of_three(world)
    world.exchange()
    assert write(world, "premises", "bob", f"group+{group}", b"from a phone").code == 202
    world.exchange()
    assert world.said("alice", group) == world.said("anna", group) == ["from a phone"]
    assert write(world, "premises", "ben", f"group+{group}", b"me too").code == 404
    assert write(world, "premises", "ben", f"group+{uuid.uuid4()}", b"me too").code == 404
    assert world.said("bob", group) == ["from a phone"]


def test_who_has_left_a_group_gets_no_more_of_it(world: World):
    group = group_of_three(world)
    world.ask("alice", "chat.send", chat=group, message=str(uuid.uuid4()), text="everybody")
    world.ask("anna", "chat.leave", chat=group)
    assert texts(world, "anna") == []
    assert waiting(world, "premises").people() == [world.ids["bob"]]  # until it is handed to his home


def test_a_large_group_is_for_pages_alone(world: World):
    for number in range(50):
        world.person(f"p{number}", "premises")
    people = [aor(f"p{number}") for number in range(50)]
    group = world.ask("alice", "chat.group", chat=str(uuid.uuid4()), title="Crowd", aors=people)
    world.ask("alice", "chat.send", chat=group["id"], message=str(uuid.uuid4()), text="everybody")
    assert waiting(world, "premises").people() == []


def test_only_the_newest_wait_and_not_for_ever(world: World):
    for number in range(MOST + 3):
        say(world, "alice", "anna", str(number))
    assert texts(world, "anna") == [str(number) for number in range(3, MOST + 3)]
    world.clock.now_s += 8 * DAY_S
    assert texts(world, "anna") == []


def test_what_waits_goes_along_with_who_moves(world: World):
    say(world, "alice", "anna", "before")
    world.move("anna", "online")
    handed_over(world)
    assert texts(world, "anna") == ["before"]
    assert waiting(world, "premises").people() == []
    say(world, "alice", "anna", "after")
    handed_over(world)
    assert texts(world, "anna") == ["before", "after"]


def test_what_came_in_before_both_had_moved_is_given_by_one_site_alone(world: World):
    """It may reach the target with its author's conversations, or by the feed, or both."""
    world.move("anna", "online")
    say(world, "alice", "anna", "late")
    world.move("alice", "online")
    assert texts(world, "anna") == []
    handed_over(world)
    (found,) = waiting(world, "online").of(world.ids["anna"])
    waiting(world, "online").taken(world.ids["anna"], found)
    world.exchange()
    handed_over(world)
    assert texts(world, "anna") == texts(world, "anna", "premises") == []


def test_a_hand_over_whose_answer_was_lost_gives_nothing_twice(world: World):
    say(world, "alice", "bob", "one")
    world.exchange()
    world.links["premises"].loses_answers = True
    with pytest.raises(UnavailableError):
        texts(world, "bob", "premises")
    (found,) = waiting(world, "online").of(world.ids["bob"])
    waiting(world, "online").taken(world.ids["bob"], found)
    world.links["premises"].loses_answers = False
    handed_over(world)
    assert texts(world, "bob") == []
    assert waiting(world, "premises").people() == waiting(world, "online").people() == []


def test_what_waits_for_who_moves_here_meanwhile_stays(world: World):
    """The site has not heard of the move when it begins to hand over, and has when told that they are gone."""
    world.move("bob", "premises")
    say(world, "ben", "bob", "one")
    world.exchange()
    bob = world.directory.get(Aor("bob", "contoso.example"))
    world.directory.commit_homes([(bob.aor, "premises", bob.home_epoch, "online")], actor="test")
    world.sites["online"].asking._sleep = lambda seconds: world.follow()
    with contextlib.suppress(UnavailableError):
        waiting(world, "online").of(world.ids["bob"])
    world.follow()
    handed_over(world)
    assert texts(world, "bob", "online") == ["one"]


def test_what_comes_back_while_it_is_handed_over_stays(world: World, monkeypatch: pytest.MonkeyPatch):
    """Its reader moves here, and the other site has handed it back before this one has given it up."""
    say(world, "alice", "bob", "one")
    world.exchange()
    link = world.links["premises"]
    ask = link.ask

    def ask_and_move(path: str, body: Any, *, timeout_s: float = 3.0) -> Any:
        answer = ask(path, body, timeout_s=timeout_s)
        monkeypatch.setattr(link, "ask", ask)
        world.move("bob", "premises")
        assert texts(world, "bob", "online") == []
        return answer

    monkeypatch.setattr(link, "ask", ask_and_move)
    waiting(world, "premises").of(world.ids["bob"])
    handed_over(world)
    assert texts(world, "bob", "premises") == ["one"]


def test_nothing_is_handed_over_before_the_home_has_it(world: World):
    say(world, "alice", "bob", "one")
    with pytest.raises(UnavailableError, match="has not come here yet"):
        texts(world, "bob", "premises")
    handed_over(world)
    assert texts(world, "bob") == ["one"]


@pytest.mark.parametrize("site", ["premises", "online"])
def test_a_phone_at_either_site_writes_once_however_often_it_is_sent(world: World, site: str):
    for _ in range(3):
        assert write(world, site, "alice", "bob", b"hello").code == 202
    assert write(world, site, "alice", "bob", b"hello", CSeq="3 MESSAGE").code == 202
    assert write(world, site, "alice", "anna", b"hello").code == 400  # that id is another message's
    chat = world.ask("alice", "chat.open", aor=aor("bob"))["id"]
    assert world.said("alice", chat) == ["hello", "hello"]


def test_an_answer_that_was_lost_makes_no_second_message(world: World):
    world.links["online"].loses_answers = True
    answer = write(world, "online", "alice", "bob", b"hello")
    assert (answer.code, int(answer.get("Retry-After")) >= 10) == (503, True)
    world.links["online"].loses_answers = False
    assert write(world, "online", "alice", "bob", b"hello").code == 202
    assert world.said("alice", world.ask("alice", "chat.open", aor=aor("bob"))["id"]) == ["hello"]


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"x", {CONTROL: "another"}, 403),
        (b"x", {PERSON: aor("nobody")}, 404),
        (b"x" * 8193, {}, 413),
        (b"", {}, 400),
        (b"\xff", {}, 400),
        (b"x", {"Content-Type": "image/png"}, 415),
        (b"<imdn/>", {"Content-Type": "message/imdn+xml"}, 200),
    ],
)
def test_what_is_no_message_is_refused(world: World, body: bytes, headers: dict[str, str], code: int):
    assert write(world, "premises", "alice", "bob", body, **headers).code == code


def test_control_characters_do_not_come_through(world: World):
    assert write(world, "premises", "alice", "anna", b"a\x00\x1b[31mb\x7f").code == 202
    assert texts(world, "anna") == ["a[31mb"]


def test_who_is_writing_is_told_and_kept_nowhere(world: World):
    world.tabs["premises"].here.add(world.ids["anna"])
    body = b'<isComposing xmlns="urn:ietf:params:xml:ns:im-iscomposing"><state>active</state></isComposing>'
    answer = write(world, "premises", "alice", "anna", body, **{"Content-Type": "application/im-iscomposing+xml"})
    assert answer.code == 200
    told = [event["event"] for person, event in world.tabs["premises"].told if person == world.ids["anna"]]
    assert "chat.typing" in told and "chat.message" not in told
