"""What people do in conversations, across two sites, on either database."""

from __future__ import annotations

import time
import uuid

import msgspec
import pytest

from isthmus.errors import ForbiddenError, NotFoundError, RefusedError, TooManyError, UsageError
from isthmus.link.client import LinkDownError
from isthmus.messaging import rules
from isthmus.messaging.model import MOST_TEXT, Chat, Limits, Member
from tests.messaging.conftest import HOMES, World, aor, refused


def say(world: World, user: str, chat: str, text: str, id_: str = "", **more: str) -> str:
    id_ = id_ or str(uuid.uuid4())
    world.ask(user, "chat.send", chat=chat, message=id_, text=text, **more)
    return id_


def pair(world: World, one: str = "alice", other: str = "bob") -> str:
    return world.ask(one, "chat.open", aor=aor(other))["id"]


def test_two_people_of_both_homes_talk(world: World):
    world.tabs["online"].here.add(world.ids["bob"])
    chat = pair(world)
    say(world, "alice", chat, "hello")
    world.exchange()
    assert pair(world, "bob", "alice") == chat
    say(world, "bob", chat, "hello yourself")
    world.exchange()
    for user in ("alice", "bob"):
        assert world.said(user, chat) == ["hello", "hello yourself"]
    assert world.tabs["online"].messages(world.ids["bob"]) == ["hello", "hello yourself"]
    (listed,) = world.ask("bob", "chats")
    assert (listed["unread"], listed["last"]["text"]) == (1, "hello yourself")
    assert {each["aor"] for each in listed["members"]} == {aor("alice"), aor("bob")}


def test_what_is_sent_twice_is_there_once(world: World):
    chat, id_ = pair(world), str(uuid.uuid4())
    for _ in range(3):
        say(world, "alice", chat, "once", id_)
    world.exchange()
    assert world.said("bob", chat) == ["once"]
    with pytest.raises(UsageError, match="another message's"):
        say(world, "bob", chat, "mine", id_)


def test_colleagues_at_one_site_talk_while_the_link_is_cut(world: World):
    for link in world.links.values():
        link.down = True
    chat, across = pair(world, "alice", "anna"), pair(world)
    say(world, "alice", chat, "can you hear me?")
    assert world.said("anna", chat) == ["can you hear me?"]
    say(world, "alice", across, "later")
    with pytest.raises(LinkDownError):
        world.exchange()
    for link in world.links.values():
        link.down = False
    world.exchange()
    assert world.said("bob", across) == ["later"]


def test_what_comes_late_stands_in_its_place_and_is_unread(world: World):
    chat = pair(world)
    say(world, "alice", chat, "one")
    world.exchange()
    world.links["premises"].down = True
    world.clock.now_s += 1
    say(world, "alice", chat, "two")
    world.clock.now_s += 1
    say(world, "bob", chat, "three")
    heads = {each["site"]: each["stamp"] for each in world.ask("bob", "chat.history", chat=chat)}
    assert world.ask("bob", "chat.mark", chat=chat, upTo=heads) == {"unread": 0}
    world.links["premises"].down = False
    world.exchange()
    assert world.said("bob", chat) == world.said("alice", chat) == ["one", "two", "three"]
    assert world.ask("bob", "chats")[0]["unread"] == 1


def test_a_conversation_is_read_from_amid_it_both_ways(world: World):
    chat = pair(world)
    for number in range(9):
        world.clock.now_s += 1
        say(world, "alice", chat, f"number {number}")
    world.exchange()
    found = world.ask("bob", "chat.search", text="number 4")[0]
    place = [found["stamp"] + 1, ""]

    def page(**place: object) -> list[str]:
        return [each["text"] for each in world.ask("bob", "chat.history", chat=chat, limit=3, **place)]

    assert page(before=place) == ["number 2", "number 3", "number 4"]
    assert page(after=place) == ["number 5", "number 6", "number 7"]
    assert page(after=[found["stamp"], found["site"]]) == page(after=place)
    for wrong in ({"before": place, "after": place}, {"after": 5}, {"after": [-1, ""]}):
        with pytest.raises(UsageError, match="after"):
            page(**wrong)


def test_marks_say_how_far_everybody_is(world: World):
    chat = pair(world)
    say(world, "alice", chat, "one")
    world.exchange()
    assert world.ask("bob", "chats")[0]["unread"] == 1  # and so it was delivered
    world.exchange()
    (mark,) = world.ask("alice", "chat.info", chat=chat)["marks"]
    assert (mark["person"], mark["kind"], mark["site"]) == (world.ids["bob"], "delivered", "premises")
    world.ask("bob", "chat.mark", chat=chat, upTo={"premises": mark["stamp"] + 1000})
    world.exchange()
    kinds = {each["kind"]: each["stamp"] for each in world.ask("alice", "chat.info", chat=chat)["marks"]}
    assert kinds == {"delivered": mark["stamp"], "read": mark["stamp"]}


def test_a_message_is_delivered_when_a_page_is_open(world: World):
    world.tabs["online"].here.add(world.ids["bob"])
    chat = pair(world)
    say(world, "alice", chat, "one")
    world.exchange()
    world.exchange()
    assert [each["kind"] for each in world.ask("alice", "chat.info", chat=chat)["marks"]] == ["delivered"]


def test_own_messages_are_edited_and_deleted_everywhere(world: World):
    chat = pair(world)
    first, second = say(world, "alice", chat, "frist"), say(world, "alice", chat, "secret")
    world.exchange()
    world.ask("alice", "chat.edit", message=first, text="first")
    world.ask("alice", "chat.delete", message=second)
    with pytest.raises(ForbiddenError, match="somebody else's"):
        world.ask("bob", "chat.edit", message=first, text="mine")
    with pytest.raises(RefusedError, match="deleted"):
        world.ask("alice", "chat.edit", message=second, text="again")
    world.exchange()
    shown = [(each["text"], each["state"]) for each in world.ask("bob", "chat.history", chat=chat)]
    assert shown == [("first", "edited"), ("", "deleted")]
    assert world.ask("bob", "chat.search", text="secret") == []
    assert [each["text"] for each in world.ask("bob", "chat.search", text="FIR")] == ["first"]


def test_a_group_of_both_homes(world: World):
    id_ = str(uuid.uuid4())
    for _ in range(2):
        made = world.ask("alice", "chat.group", chat=id_, title="Lunch", aors=[aor("anna")])
    say(world, "anna", made["id"], "pizza?")
    world.exchange()
    assert world.ask("bob", "chats") == []
    world.ask("alice", "chat.add", chat=id_, aors=[aor("bob"), aor("ben")])
    world.exchange()
    assert world.said("bob", id_) == ["pizza?"]
    (listed,) = world.ask("ben", "chats")
    assert (listed["title"], listed["size"], listed["unread"]) == ("Lunch", 4, 0)
    world.ask("bob", "chat.rename", chat=id_, title="Dinner")
    world.ask("ben", "chat.leave", chat=id_)
    world.exchange()
    assert world.ask("alice", "chat.info", chat=id_)["title"] == "Dinner"
    assert len(world.ask("alice", "chat.info", chat=id_)["members"]) == 3
    with pytest.raises(NotFoundError):
        say(world, "ben", id_, "still here?")
    say(world, "bob", id_, "pasta")
    world.exchange()
    assert world.said("anna", id_) == ["pizza?", "pasta"]


def test_who_is_not_in_a_conversation_sees_nothing_of_it(world: World):
    chat = pair(world)
    id_ = say(world, "alice", chat, "between us")
    for do, body in {
        "chat.info": {"chat": chat},
        "chat.history": {"chat": chat},
        "chat.send": {"chat": chat, "message": str(uuid.uuid4()), "text": "hi"},
        "chat.mark": {"chat": chat, "upTo": {"premises": 1}},
        "chat.edit": {"message": id_, "text": "x"},
        "chat.delete": {"message": id_},
        "chat.add": {"chat": chat, "aors": [aor("anna")]},
        "chat.typing": {"chat": chat},
        "chat.file": {"message": id_},
    }.items():
        with pytest.raises(NotFoundError):
            world.ask("anna", do, **body)
    assert world.ask("anna", "chats") == world.ask("anna", "chat.search", text="between") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("x" * (MOST_TEXT + 1), "8,193 bytes"),
        ("x" * 2**20, "8,192 at most"),
        (7, "text"),
    ],
    ids=["empty", "blank", "long", "a megabyte", "a number"],
)
def test_what_is_no_message_is_refused_clearly(world: World, text: object, said: str):
    chat = pair(world)
    with pytest.raises(UsageError, match=said):
        say(world, "alice", chat, text)


def test_markup_and_control_characters_are_text(world: World):
    chat = pair(world)
    say(world, "alice", chat, "<img src=x onerror=alert(1)> \x00\x07\u202egpj.exe")
    world.exchange()
    assert world.said("bob", chat) == ["<img src=x onerror=alert(1)> \u202egpj.exe"]


def test_who_floods_is_told_to_wait(world: World):
    world.limits = Limits(per_s=0.001, burst=2)
    world.restart("premises")
    chat = pair(world)
    say(world, "alice", chat, "1"), say(world, "alice", chat, "2")
    with pytest.raises(TooManyError, match="too fast"):
        say(world, "alice", chat, "3")
    say(world, "anna", pair(world, "anna", "ben"), "others are not kept waiting")


def test_a_tab_at_the_other_site_is_served_by_the_home(world: World):
    """Bob is at home at online, and has his page open at premises."""
    bob = world.ids["bob"]
    world.tabs["premises"].here.add(bob)
    world.sites["premises"].watching.joined(bob)
    world.sites["premises"].watching.watch()
    chat = world.ask("bob", "chat.open", aor=aor("alice"), at="premises")["id"]
    world.ask("bob", "chat.send", at="premises", chat=chat, message=str(uuid.uuid4()), text="from afar")
    world.exchange()
    assert world.said("alice", chat) == ["from afar"]
    say(world, "alice", chat, "welcome")
    world.exchange()
    world.exchange()
    assert world.tabs["premises"].messages(bob) == ["from afar", "welcome"]
    world.links["premises"].down = True
    with pytest.raises(LinkDownError):
        world.ask("bob", "chats", at="premises")


def test_tabs_look_anew_when_their_home_had_forgotten_them(world: World):
    bob, watching = world.ids["bob"], world.sites["premises"].watching
    world.tabs["premises"].here.add(bob)
    watching.joined(bob)
    again = (bob, {"event": "chats.again"})
    watching.watch()
    asked = world.links["premises"].asked
    watching.watch()
    assert (world.tabs["premises"].told, world.links["premises"].asked) == ([again], asked)
    world.restart("online")
    watching._clock = lambda: time.monotonic() + 20
    watching.watch()
    assert world.tabs["premises"].told == [again, again]
    world.move("bob", "premises")
    watching.watch()
    assert world.tabs["premises"].told == [again, again, again]


def test_who_types_is_told_to_who_is_there_and_kept_nowhere(world: World):
    chat = world.ask("alice", "chat.group", chat=str(uuid.uuid4()), title="T", aors=[aor("anna"), aor("bob")])["id"]
    world.exchange()
    for user in ("anna", "bob", "alice"):
        world.tabs[HOMES[user]].here.add(world.ids[user])
    for _ in range(10):
        world.ask("alice", "chat.typing", chat=chat)
    world.exchange()
    for site, user in (("premises", "anna"), ("online", "bob")):
        typing = [who for who, event in world.tabs[site].told if event["event"] == "chat.typing"]
        assert typing == [world.ids[user]] * 3


def test_old_messages_are_removed_by_each_sites_own_setting(world: World):
    world.limits = Limits(keep_days=30)
    world.restart("online")
    chat = pair(world)
    say(world, "alice", chat, "old")
    world.exchange()
    world.clock.now_s += 31 * 86400
    say(world, "alice", chat, "new")
    world.exchange()
    world.sites["online"].messaging.purge()
    assert world.said("bob", chat) == ["new"]
    assert world.said("alice", chat) == ["old", "new"]


def test_all_that_somebody_wrote_is_handed_out(world: World):
    chat = pair(world, "bob", "alice")
    say(world, "bob", chat, "from bob")
    world.exchange()
    for number in range(205):
        say(world, "alice", chat, str(number))
    lines = list(world.sites["premises"].messaging.exported(world.ids["alice"]))
    assert lines[0]["conversation"]["id"] == chat
    assert [each["message"]["text"] for each in lines[1:]] == ["from bob", *map(str, range(205))]
    assert list(world.sites["premises"].messaging.exported(world.ids["anna"])) == []


def test_a_group_has_so_many_members_at_most(world: World):
    with pytest.raises(UsageError, match="250 members at most"):
        world.ask(
            "alice", "chat.group", chat=str(uuid.uuid4()), title="T", aors=[f"u{i}@x.example" for i in range(251)]
        )
    with pytest.raises(NotFoundError, match="nobody is called"):
        world.ask("alice", "chat.group", chat=str(uuid.uuid4()), title="T", aors=[aor("zoe")])


def test_people_of_other_tenants_are_nobody(world: World):
    world.directory.create_tenant("other", actor="test")
    world.directory.add_domain("other.example", "other", actor="test")
    from isthmus.addressing import Aor
    from isthmus.directory.model import Credentials, NewPerson

    eve = Aor("eve", "other.example")
    world.ids["eve"] = world.directory.create(NewPerson(eve, "Eve", "premises", Credentials.of(eve, "x")), actor="t").id
    with pytest.raises(NotFoundError, match="nobody is called"):
        world.ask("alice", "chat.open", aor="eve@other.example")
    with pytest.raises(NotFoundError, match="nobody is called"):
        world.sites["premises"].asking.ask(world.ids["eve"], "chat.open", {"aor": aor("alice")})


def test_the_owner_of_a_group_removes_others_and_hands_over(world: World):
    chat = world.ask("alice", "chat.group", chat=str(uuid.uuid4()), title="Team", aors=[aor("anna"), aor("bob")])["id"]
    world.exchange()
    assert world.ask("bob", "chat.info", chat=chat)["owner"] == world.ids["alice"]
    bob, anna, alice = (world.ids[user] for user in ("bob", "anna", "alice"))
    assert isinstance(refused(lambda: world.ask("bob", "chat.remove", chat=chat, person=anna)), ForbiddenError)
    assert isinstance(refused(lambda: world.ask("bob", "chat.owner", chat=chat, person=bob)), ForbiddenError)
    assert isinstance(refused(lambda: world.ask("alice", "chat.remove", chat=chat, person=alice)), UsageError)
    assert isinstance(refused(lambda: world.ask("alice", "chat.remove", chat=chat, person="x")), NotFoundError)
    world.ask("alice", "chat.owner", chat=chat, person=bob)
    world.ask("alice", "chat.rename", chat=chat, title="Our team")
    world.exchange()
    world.ask("bob", "chat.remove", chat=chat, person=anna)
    world.exchange()
    assert isinstance(refused(lambda: world.ask("anna", "chat.info", chat=chat)), NotFoundError)
    for user in ("alice", "bob"):
        told = world.ask(user, "chat.info", chat=chat)
        assert (told["owner"], told["title"], len(told["members"])) == (bob, "Our team", 2)
    world.ask("bob", "chat.leave", chat=chat)
    world.exchange()
    assert world.ask("alice", "chat.info", chat=chat)["owner"] == alice


def test_who_has_been_in_it_longest_owns_a_group_that_has_no_owner():
    chat = Chat("c", "main", "group", "Old", 1, 1)
    inside = [Member("c", "b", True, 2), Member("c", "a", True, 3)]
    assert rules.owner_of(chat, inside) == "b"
    assert rules.owner_of(msgspec.structs.replace(chat, owner="a"), inside) == "a"
    assert rules.owner_of(msgspec.structs.replace(chat, owner="gone"), inside) == "b"
    assert rules.owner_of(chat, []) == ""
