"""Files: what is taken, what is refused, who gets them, what becomes of them."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UsageError
from isthmus.link.client import LinkDownError
from isthmus.messaging.model import File, Limits
from tests.messaging.conftest import World, aor


@pytest.fixture
def world(tmp_path: Path) -> World:
    urls = {site: f"sqlite:///{tmp_path / site}.db" for site in ("premises", "online")}
    return World(urls, tmp_path / "files")


async def bring(world: World, user: str, name: str, *chunks: bytes, at: str = "premises") -> File:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return await world.sites[at].files.bring(world.ids[user], name, body())


async def sent(world: World, content: bytes) -> tuple[str, File]:
    """A file of alice's that bob gets. Gives the message's id."""
    chat, id_ = world.ask("alice", "chat.open", aor=aor("bob"))["id"], str(uuid.uuid4())
    made = await bring(world, "alice", "plan.txt", content)
    world.ask("alice", "chat.send", chat=chat, message=id_, text="", file=made.id)
    world.exchange()
    return id_, made


async def test_a_file_is_fetched_by_the_other_site_when_it_is_wanted(world: World):
    content = b"x" * 2_500_000
    id_, made = await sent(world, content)
    got = world.sites["online"].messaging.file_of(world.ids["bob"], id_)
    assert got == made
    world.links["online"].down = True
    with pytest.raises(LinkDownError):
        world.sites["online"].files.path(got)
    world.links["online"].down = False
    assert world.sites["online"].files.path(got).read_bytes() == content
    assert [each["id"] for each in world.ask("bob", "chat.search", text="plan")] == [id_]
    world.links["online"].down = True
    assert world.sites["online"].files.path(got).exists()


async def test_what_is_too_large_empty_or_not_taken_is_refused_and_leaves_nothing(world: World):
    world.limits = Limits(file_bytes=1000, file_endings=("txt", "png"))
    world.restart("premises")
    for name, chunks, why in (
        ("a.txt", [b"x" * 600, b"x" * 600], "larger than 1,000 bytes"),
        ("a.txt", [], "empty"),
        ("a.exe", [b"x"], "not taken"),
    ):
        with pytest.raises(UsageError, match=why):
            await bring(world, "alice", name, *chunks)
    assert [each for each in (world.folder / "premises").rglob("*") if each.is_file()] == []
    assert (await bring(world, "alice", "A.PNG", b"x")).size == 1


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("cod\u202egpj.exe", "cod_gpj.exe"),
        ("a\x00b\n.txt", "a_b_.txt"),
        (" . ", "file"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
async def test_names_are_no_paths_and_hide_nothing(world: World, name: str, kept: str):
    assert (await bring(world, "alice", name, b"x")).name == kept


@pytest.mark.parametrize(
    ("command", "said"),
    [(["/bin/false"], "virus scan"), (["/nonexistent/scanner"], "looked at")],
    ids=["says no", "is not there"],
)
async def test_what_the_scan_does_not_allow_is_not_kept(world: World, command: list[str], said: str):
    world.scan = tuple(command)
    world.restart("premises")
    with pytest.raises(RefusedError, match=said):
        await bring(world, "alice", "a.txt", b"EICAR")
    assert [each for each in (world.folder / "premises").rglob("*") if each.is_file()] == []


async def test_the_scan_sees_what_is_in_the_file_at_either_site(world: World):
    world.scan = ("/bin/grep", "-q", "harmless")
    world.restart("premises")
    assert (await bring(world, "alice", "a.txt", b"harmless")).size == 8
    with pytest.raises(RefusedError):
        await bring(world, "alice", "a.txt", b"harmful")
    world.scan = ("/bin/false",)
    world.restart("online")
    id_, made = await sent(world, b"also harmless")
    with pytest.raises(RefusedError):
        world.sites["online"].files.path(made)
    assert id_


async def test_only_who_brought_a_file_sends_it_and_only_members_get_it(world: World):
    id_, made = await sent(world, b"ours")
    chat = world.ask("anna", "chat.open", aor=aor("ben"))["id"]
    with pytest.raises(NotFoundError):
        world.ask("anna", "chat.send", chat=chat, message=str(uuid.uuid4()), text="", file=made.id)
    with pytest.raises(NotFoundError):
        world.ask("anna", "chat.file", message=id_)
    world.ask("alice", "chat.delete", message=id_)
    with pytest.raises(NotFoundError):
        world.ask("alice", "chat.file", message=id_)


async def test_what_no_message_has_any_more_is_removed(world: World):
    id_, made = await sent(world, b"soon gone")
    path = world.sites["premises"].files.path(made)
    world.clock.now_s += 3 * 86_400
    world.sites["premises"].files.sweep()
    assert path.exists()  # a message has it
    world.ask("alice", "chat.delete", message=id_)
    os.utime(path, (0, 0))
    world.sites["premises"].files._clock = world.clock
    world.sites["premises"].files.sweep()
    assert not path.exists()


def test_nonsense_from_a_peer_is_no_path(world: World):
    for hash_ in ("../../x", "", "z" * 64):
        with pytest.raises(IsthmusError):
            world.sites["premises"].files.part(hash_, 0)
