"""SIP clients in conversations on two running sites: both ways, across homes, once, later, and with the link cut."""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from isthmus.messaging import texts
from isthmus.useragent.message import Header, Request, Response, response_to
from tests.agents.baresip import Baresip
from tests.agents.raw import User
from tests.faults.link import Cut, can_drop_packets
from tests.interop.conftest import DOMAIN, PASSWORD, Sites
from tests.interop.tabs import Tab
from tests.support import wait_for

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

HOMES = {
    "tina": "premises",
    "tom": "premises",
    "tess": "online",
    "theo": "online",
    "toby": "online",
    "tara": "premises",
    "tonja": "online",
    "trudy": "premises",
}
SLOW_S = 60.0
COMPOSING = texts.COMPOSING
PLAIN = ("Content-Type", "text/plain;charset=utf-8")


@pytest.fixture(scope="module")
def sites(two_sites: Sites) -> Sites:
    two_sites.create_all(HOMES)
    return two_sites


@pytest.fixture(scope="module")
def tina(sites: Sites) -> Iterator[Tab]:
    """Her page; she is at home at premises."""
    tab = Tab(sites, "premises", "tina")
    yield tab
    tab.close()


@asynccontextmanager
async def phone(sites: Sites, user: str, at: str, transport: str = "udp") -> AsyncIterator[User]:
    opened = await sites.phone(user, at, transport)
    try:
        yield opened
    finally:
        await opened.register(0)
        await opened.close()


async def send(
    sender: User, user: str, body: bytes, *, headers: Sequence[Header] = (PLAIN,), call_id: str = "", first: int = 1
) -> Response:
    """A MESSAGE whose Call-ID and CSeq can be those of another one."""
    uri, call_id, cseq = f"sip:{user}@{DOMAIN}", call_id or secrets.token_hex(8), first - 1

    def make(extra: Sequence[Header]) -> Request:
        nonlocal cseq
        cseq += 1
        return sender.build("MESSAGE", uri, uri, call_id=call_id, cseq=cseq, headers=(*headers, *extra), body=body)

    return await sender.exchange(make, await sender.flow_for(uri))


async def gets(phone: User, *texts: str) -> None:
    """Wait until the phone has got these, and see that it has got nothing else."""

    def heard() -> list[str]:
        return [each.body.decode() for each in phone.messages]

    async with asyncio.timeout(SLOW_S):
        while len(heard()) < len(texts):
            await asyncio.sleep(0.05)
    assert heard() == list(texts)


def says(tab: Tab, user: str, text: str) -> dict[str, Any]:
    chat = tab.ask("chat.open", aor=f"{user}@{DOMAIN}")["id"]
    sent: dict[str, Any] = tab.ask("chat.send", chat=chat, message=str(uuid.uuid4()), text=text)
    return sent


def history(tab: Tab, user: str) -> list[str]:
    chat = tab.ask("chat.open", aor=f"{user}@{DOMAIN}")["id"]
    return [each["text"] for each in tab.ask("chat.history", chat=chat, limit=100)]


@pytest.mark.parametrize(
    ("user", "at", "transport"),
    [("tess", "online", "udp"), ("theo", "premises", "tls"), ("tom", "online", "ws"), ("toby", "online", "tcp")],
)
async def test_what_a_phone_writes_is_in_the_conversation_and_it_gets_the_answer(
    sites: Sites, tina: Tab, user: str, at: str, transport: str
):
    async with phone(sites, user, at, transport) as other:
        text = f"Grüße, 你好, {user}"
        answer = await other.message(f"sip:tina@{DOMAIN}", text)
        assert (answer.code, answer.phrase) == (202, "Accepted")
        heard = await asyncio.to_thread(tina.hears, "chat.message", lambda event: event["message"]["text"] == text)
        sent = await asyncio.to_thread(says, tina, user, f"hello {user}")
        assert sent["chat"] == heard["chat"]
        await gets(other, f"hello {user}")
        request = other.messages[0]
        assert f"<sip:tina@{DOMAIN}>" in request.get("From")
        assert "X-Isthmus" not in bytes(request).decode()
        await asyncio.to_thread(
            tina.hears,
            "chat.mark",
            lambda event: event["kind"] == "delivered" and event["stamp"] == sent["stamp"],
        )
        assert not other.messages[1:]


async def test_the_same_request_again_makes_no_second_message(sites: Sites, tina: Tab):
    async with phone(sites, "tess", "premises") as tess:
        for _ in range(3):
            assert (await send(tess, "tina", b"only once", call_id="the-same", first=7)).code == 202
        found = await asyncio.to_thread(history, tina, "tess")
        assert found.count("only once") == 1


async def test_what_is_written_while_no_phone_is_there_comes_when_one_is(sites: Sites, tina: Tab):
    for text in ("first", "second"):
        await asyncio.to_thread(says, tina, "theo", text)
    async with phone(sites, "theo", "online") as theo:
        await gets(theo, "first", "second")
    async with phone(sites, "theo", "premises") as theo:
        await asyncio.to_thread(says, tina, "theo", "third")
        await gets(theo, "third")


async def test_phones_write_to_phones(sites: Sites):
    async with phone(sites, "tom", "premises", "tls") as tom, phone(sites, "toby", "premises") as toby:
        long = "word " * 1200
        assert (await send(tom, "toby", b"hi")).code == 202
        await gets(toby, "hi")
        assert (
            await send(toby, "tom", b"<p>Hello <b>you</b></p>", headers=[("Content-Type", "text/html")])
        ).code == 202
        await gets(tom, "Hello you")
        # By UDP in pieces, each within what a datagram is sure to carry.
        assert (await send(tom, "toby", long.encode())).code == 202
        async with asyncio.timeout(SLOW_S):
            while " ".join(each.body.decode() for each in toby.messages[1:]) != long.strip():
                await asyncio.sleep(0.05)
        assert max(len(bytes(each)) for each in toby.messages) < 1300


async def test_what_is_no_message_is_refused_clearly(sites: Sites):
    async with phone(sites, "tara", "premises", "tcp") as tara:
        codes = {
            "a type": (await send(tara, "tina", b"x", headers=[("Content-Type", "image/png")])).code,
            "too long": (await send(tara, "tina", b"x" * 9000)).code,
            "far too long": (await send(tara, "tina", b"x" * 40_000)).code,
            "nobody": (await send(tara, "nobody-at-all", b"x")).code,
            "no text": (await send(tara, "tina", b" ")).code,
            "no UTF-8": (await send(tara, "tina", b"\xff\xfe\xff")).code,
            "no CPIM": (await send(tara, "tina", b"nothing", headers=[("Content-Type", "message/cpim")])).code,
            "herself": (await send(tara, "tara", b"x")).code,
            "no proof": (await tara.request("MESSAGE", f"sip:tina@{DOMAIN}", headers=[PLAIN], digest=False)).code,
        }
        assert codes == {
            "a type": 415,
            "too long": 413,
            "far too long": 413,
            "nobody": 404,
            "no text": 400,
            "no UTF-8": 400,
            "no CPIM": 400,
            "herself": 400,
            "no proof": 407,
        }


async def test_who_writes_too_fast_is_told_to_wait(sites: Sites):
    async with phone(sites, "tara", "online", "tcp") as tara:
        answers = await asyncio.gather(*(send(tara, "tom", b"flood %d" % each) for each in range(90)))
        late = [each for each in answers if each.code == 503]
        assert late and {each.code for each in answers} == {202, 503}
        assert all(int(each.get("Retry-After")) >= 1 for each in late)


async def test_a_phone_that_takes_no_messages_is_asked_once(sites: Sites, tina: Tab):
    async with phone(sites, "tess", "online") as tess:
        refuse(tess)
        await asyncio.to_thread(says, tina, "tess", "not for you")
        await asyncio.to_thread(wait_for, lambda: tess.received_requests("MESSAGE"), SLOW_S, "it is asked")
        await asyncio.to_thread(says, tina, "tess", "neither is this")
        async with phone(sites, "tess", "premises") as second:
            await gets(second, "not for you", "neither is this")
        assert len(tess.received_requests("MESSAGE")) == 1


def refuse(phone: User) -> None:
    """Let it answer MESSAGE as phones do that know no such thing."""
    respond = phone.respond

    def refused(request: Request, response: Response) -> None:
        if request.method == "MESSAGE":
            response = response_to(request, 405, "Method Not Allowed", to_tag="t")
        respond(request, response)

    phone.respond = refused  # type: ignore[method-assign]


async def test_with_the_link_cut_it_comes_once_when_that_is_back(sites: Sites, tina: Tab):
    if not can_drop_packets():
        pytest.skip("dropping packets takes root and nft")
    with Cut(sites.address("premises"), sites.address("online")) as cut:
        async with phone(sites, "toby", "online") as toby, phone(sites, "theo", "premises") as theo:
            cut.close()
            # Toby's home is at hand: what he says is kept. Theo's is not: nobody could say that it is.
            assert (await send(toby, "tina", b"while it was cut")).code == 202
            away = await send(theo, "tina", b"away from home")
            assert (away.code, int(away.get("Retry-After")) >= 1) == (503, True)
            sent = await asyncio.to_thread(says, tina, "toby", "to the other side")
            assert sent["text"] == "to the other side" and not toby.messages
            cut.mend()
            await gets(toby, "to the other side")
            await asyncio.to_thread(
                tina.hears, "chat.message", lambda event: event["message"]["text"] == "while it was cut"
            )
            again = await send(theo, "tina", b"away from home")
            while again.code != 202:
                await asyncio.sleep(0.5)
                again = await send(theo, "tina", b"away from home")
            assert (await asyncio.to_thread(history, tina, "toby")).count("while it was cut") == 1
            assert (await asyncio.to_thread(history, tina, "theo")).count("away from home") == 1


@pytest.mark.parametrize("at", ["premises", "online"])
async def test_baresip_writes_and_is_written_to(sites: Sites, tina: Tab, tmp_path: Path, at: str):
    """tess is at home at online."""
    host, port = sites.proxy(at, "tcp")
    baresip = await Baresip.open(
        f"sip:tess@{DOMAIN}",
        sites.loopback(),
        tmp_path,
        transport="tcp",
        proxy=f"{host}:{port}",
        password=PASSWORD,
        contact=f"sip:tina@{DOMAIN}",
    )
    async with baresip:
        await baresip.registered()
        sent = await asyncio.to_thread(says, tina, "tess", f"to baresip at {at}")
        # By its own 200.
        await asyncio.to_thread(
            tina.hears,
            "chat.mark",
            lambda event: event["kind"] == "delivered" and event["stamp"] == sent["stamp"],
            SLOW_S,
        )
        assert f"to baresip at {at}" in baresip.log.read_text(errors="replace")
        await baresip.command("message", f"from baresip at {at}")
        await asyncio.to_thread(
            tina.hears, "chat.message", lambda event: event["message"]["text"] == f"from baresip at {at}", SLOW_S
        )


async def test_a_phone_takes_part_in_a_group_by_its_address(sites: Sites, tina: Tab):
    """tess is at home at online and registered at premises; toby is in no group."""
    people = [f"{user}@{DOMAIN}" for user in ("tess", "tom")]
    group = await asyncio.to_thread(tina.ask, "chat.group", chat=str(uuid.uuid4()), title="Choir", aors=people)
    async with phone(sites, "tess", "premises", "tls") as tess, phone(sites, "toby", "online") as toby:
        await asyncio.to_thread(
            tina.ask, "chat.send", chat=group["id"], message=str(uuid.uuid4()), text="at eight today"
        )
        await gets(tess, "tina: at eight today")
        address = f"group+{group['id']}"
        assert f"<sip:{address}@{DOMAIN}>" in tess.messages[0].get("From")
        assert (await send(tess, address, b"I am coming")).code == 202
        heard = await asyncio.to_thread(
            tina.hears, "chat.message", lambda event: event["message"]["text"] == "I am coming"
        )
        assert heard["chat"] == group["id"]
        assert (await send(toby, address, b"me too")).code == 404
        assert (await send(toby, f"group+{uuid.uuid4()}", b"me too")).code == 404


async def test_a_phone_is_told_that_the_other_writes(sites: Sites, tina: Tab):
    async with phone(sites, "theo", "premises", "tcp") as theo:
        sent = await asyncio.to_thread(says, tina, "theo", "are you there?")
        await asyncio.to_thread(
            tina.hears, "chat.mark", lambda event: event["kind"] == "delivered" and event["stamp"] == sent["stamp"]
        )
        await asyncio.to_thread(tina.ask, "chat.typing", chat=sent["chat"])
        async with asyncio.timeout(SLOW_S):
            while len(theo.messages) < 2:
                await asyncio.sleep(0.05)
        told = theo.messages[1]
        assert told.get("Content-Type") == "application/im-iscomposing+xml" and b"<state>active</state>" in told.body


async def test_who_writes_in_a_group_is_seen_by_phones_and_pages(sites: Sites, tina: Tab):
    """tonja is at home at online and registered at premises; trudy is the other way round."""
    people = [f"{user}@{DOMAIN}" for user in ("tonja", "trudy")]
    group = (await asyncio.to_thread(tina.ask, "chat.group", chat=str(uuid.uuid4()), title="Band", aors=people))["id"]
    address = f"group+{group}"

    async def is_told(phone: User) -> None:
        async with asyncio.timeout(SLOW_S):
            while not (phone.messages and phone.messages[-1].get("Content-Type") == COMPOSING):
                await asyncio.sleep(0.05)
        told = phone.messages[-1]
        assert f"<sip:{address}@{DOMAIN}>" in told.get("From") and b"<state>active</state>" in told.body

    async with phone(sites, "tonja", "premises", "tcp") as tonja, phone(sites, "trudy", "online") as trudy:
        sent = await asyncio.to_thread(
            tina.ask, "chat.send", chat=group, message=str(uuid.uuid4()), text="who is there?"
        )
        for each in (tonja, trudy):
            await gets(each, "tina: who is there?")
        delivered = await asyncio.to_thread(
            tina.hears, "chat.mark", lambda event: event["kind"] == "delivered" and event["stamp"] == sent["stamp"]
        )
        assert delivered["chat"] == group
        await asyncio.to_thread(
            tina.hears,
            "chat.mark",
            lambda event: (
                event["kind"] == "delivered"
                and event["stamp"] == sent["stamp"]
                and event["person"] != delivered["person"]
            ),
        )
        await asyncio.to_thread(tina.ask, "chat.typing", chat=group)
        for each in (tonja, trudy):
            await is_told(each)
        kind, body = ("Content-Type", COMPOSING), texts.composing(active=True)
        assert (await send(tonja, address, body, headers=[kind])).code == 200
        info = await asyncio.to_thread(tina.ask, "chat.info", chat=group)
        heard = await asyncio.to_thread(tina.hears, "chat.typing", lambda event: event["chat"] == group)
        (member,) = [each for each in info["members"] if each["id"] == heard["person"]]
        assert member["aor"] == f"tonja@{DOMAIN}"
        assert (await send(tonja, f"group+{uuid.uuid4()}", body, headers=[kind])).code == 404
