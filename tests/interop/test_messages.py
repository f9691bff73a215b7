"""Messages between tabs at two real sites: across homes, through kill -9 of either control service, and a move."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.people import kill, moved, pid, start_move, until_ready
from tests.interop.conftest import DOMAIN, Sites
from tests.interop.tabs import LostError, RefusalError, Tab
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

# mia lives at premises, mona at online; max lives at online and has his page open at premises.
HOMES = {"mia": "premises", "mona": "online", "max": "online"}
AT = {"mia": "premises", "mona": "online", "max": "premises"}
FLOW = 80


@pytest.fixture(scope="module")
def tabs(two_sites: Sites) -> Iterator[dict[str, Tab]]:
    two_sites.create_all(HOMES)
    opened = {user: Tab(two_sites, site, user) for user, site in AT.items()}
    yield opened
    for tab in opened.values():
        tab.close()


def ask(tab: Tab, do: str, **body: Any) -> Any:
    """As the page does it: the same again until there is an answer."""
    while True:
        try:
            return tab.ask(do, **body)
        except LostError:
            tab.open()
        except RefusalError as error:
            if "link" not in str(error):
                raise
            time.sleep(0.2)


def say(tab: Tab, chat: str, text: str, **more: str) -> dict[str, Any]:
    """Send a message, once."""
    sent: dict[str, Any] = ask(tab, "chat.send", chat=chat, message=str(uuid.uuid4()), text=text, **more)
    return sent


def said(tab: Tab, chat: str) -> list[tuple[str, str]]:
    """Everything, page by page: author and text."""
    found: list[dict[str, Any]] = []
    before = None
    while True:
        page = ask(tab, "chat.history", chat=chat, limit=100, **({"before": before} if before else {}))
        if not page:
            return [(each["author"], each["text"]) for each in found]
        found = [*page, *found]
        before = [page[0]["stamp"], page[0]["site"]]


def test_tabs_of_both_homes_talk(tabs: dict[str, Tab]):
    mia, mona, max_ = tabs["mia"], tabs["mona"], tabs["max"]
    chat = mia.ask("chat.open", aor=f"mona@{DOMAIN}")["id"]
    sent = say(mia, chat, "<img src=x onerror=alert(1)> hello")
    heard = mona.hears("chat.message")["message"]
    assert heard == sent
    mona.ask("chat.mark", chat=chat, upTo={heard["site"]: heard["stamp"]})
    mia.hears("chat.mark", lambda event: event["kind"] == "read" and event["stamp"] == sent["stamp"])
    mona.ask("chat.typing", chat=chat)
    mia.hears("chat.typing")
    group = mia.ask("chat.group", chat=str(uuid.uuid4()), title="All", aors=[f"{u}@{DOMAIN}" for u in ("mona", "max")])
    say(mia, group["id"], "everybody here?")
    for tab in (mona, max_):
        tab.hears("chat.message", lambda event: event["message"]["text"] == "everybody here?")
    say(max_, group["id"], "from premises, though my home is online")
    for tab in (mia, mona, max_):
        tab.hears("chat.message", lambda event: "my home is online" in event["message"]["text"])
    with pytest.raises(RefusalError, match="no such conversation"):
        max_.ask("chat.history", chat=chat)


def test_a_file_goes_to_who_is_in_the_conversation_alone(tabs: dict[str, Tab]):
    mia, mona, max_ = tabs["mia"], tabs["mona"], tabs["max"]
    chat = mia.ask("chat.open", aor=f"mona@{DOMAIN}")["id"]
    content = bytes(range(256)) * 6000  # more than one stretch of the link
    brought = mona.http("POST", "/v1/messages/files", params={"name": "../page<b>\u202e.html"}, content=content)
    assert brought.status_code == 201, brought.text
    sent = say(mona, chat, "", file=brought.json()["id"])
    mia.hears("chat.message", lambda event: event["message"]["id"] == sent["id"])
    got = mia.http("GET", f"/v1/messages/{sent['id']}/file")
    assert (got.status_code, got.content == content) == (200, True)
    assert got.headers["content-disposition"].startswith("attachment;")
    assert (got.headers["content-type"], got.headers["x-content-type-options"]) == (
        "application/octet-stream",
        "nosniff",
    )
    assert max_.http("GET", f"/v1/messages/{sent['id']}/file").status_code == 404
    with pytest.raises(RefusalError, match="brought no such file"):
        mia.ask("chat.send", chat=chat, message=str(uuid.uuid4()), text="", file=brought.json()["id"])
    mona.ask("chat.delete", message=sent["id"])
    mia.hears("chat.message", lambda event: event["message"]["state"] == "deleted")
    assert mia.http("GET", f"/v1/messages/{sent['id']}/file").status_code == 404


def test_each_message_once_and_in_order_through_kill_9_of_either_control_service(
    two_sites: Sites, tabs: dict[str, Tab]
):
    mia, mona = tabs["mia"], tabs["mona"]
    chat = mia.ask("chat.group", chat=str(uuid.uuid4()), title="Flow", aors=[f"{u}@{DOMAIN}" for u in ("mona", "max")])
    mona.hears("chat.changed", lambda event: event["chat"] == chat["id"])
    flows = [threading.Thread(target=flow, args=(tabs[user], chat["id"], user)) for user in ("mia", "mona")]
    for each in flows:
        each.start()
    for site in ("premises", "online"):
        time.sleep(1.0)  # in the midst of it
        before = pid(two_sites, site, "control")
        kill(two_sites, site, "control")
        asyncio.run(until_ready(two_sites, site, before, "control"))
    for each in flows:
        each.join(180)
    expected = {f"{user} {number}" for user in ("mia", "mona") for number in range(FLOW)}
    wait_for(lambda: len(said(mia, chat["id"])) == len(said(mona, chat["id"])) == 2 * FLOW, 60, "all is everywhere")
    seen = [said(tabs[user], chat["id"]) for user in HOMES]
    assert seen[0] == seen[1] == seen[2]
    texts = [text for _, text in seen[0]]
    assert set(texts) == expected and len(texts) == len(expected)
    for user in ("mia", "mona"):
        assert [text for text in texts if text.startswith(user)] == [f"{user} {number}" for number in range(FLOW)]


def flow(tab: Tab, chat: str, user: str) -> None:
    for number in range(FLOW):
        say(tab, chat, f"{user} {number}")
        time.sleep(0.03)


def test_what_was_said_moves_with_the_person(two_sites: Sites, tabs: dict[str, Tab]):
    mia, mona = tabs["mia"], tabs["mona"]
    chat = mia.ask("chat.open", aor=f"mona@{DOMAIN}")["id"]
    alone = mia.ask("chat.group", chat=str(uuid.uuid4()), title="Notes", aors=[])["id"]
    for number in range(5):
        say(mia, alone, f"note {number}")
    brought = mia.http("POST", "/v1/messages/files", params={"name": "note.txt"}, content=b"remember")
    kept = say(mia, alone, "with a file", file=brought.json()["id"])
    before = {each: said(mia, each) for each in (chat, alone)}
    done = moved(two_sites, start_move(two_sites, ["mia"], "online"))
    assert [each["state"] for each in done["people"]] == ["moved"], done
    # Her page is open at premises still: it asks her new home.
    wait_for(lambda: {each: said(mia, each) for each in (chat, alone)} == before, 60, "all of it is at online")
    assert mia.http("GET", f"/v1/messages/{kept['id']}/file").content == b"remember"
    mia.hears("chats.again")
    say(mia, chat, "moved")
    mona.hears("chat.message", lambda event: event["message"]["text"] == "moved")
    say(mona, chat, "welcome")
    mia.hears("chat.message", lambda event: event["message"]["text"] == "welcome")
    assert said(mia, chat) == said(mona, chat)
