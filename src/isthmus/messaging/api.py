"""Conversations over HTTP: files for people, and what sites tell each other; and what tabs ask over their WebSocket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Body, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field

from isthmus.access.api import Acting, Reached
from isthmus.addressing import Aor
from isthmus.audit.web import LocalActor
from isthmus.directory.journal import Journal
from isthmus.directory.service import Directory
from isthmus.errors import ForbiddenError, NotFoundError, RefusedError, UsageError
from isthmus.link.api import PeerName, known_peer
from isthmus.live.hub import Hub, Session
from isthmus.messaging.asking import Asking
from isthmus.messaging.build import Messages
from isthmus.messaging.change import file_json
from isthmus.messaging.model import File, Page

MOST_FILE = 100 * 1024 * 1024  # bytes, whatever the site file says
_Id = Annotated[str, Field(max_length=64)]


class AskBody(BaseModel):
    """What somebody who is at home here asks at a peer."""

    person: _Id
    do: _Id
    body: dict[str, Any]


class WatchBody(BaseModel):
    """Who has tabs open at a peer."""

    people: list[_Id] = Field(max_length=100_000)


class WhisperBody(BaseModel):
    """Whom to tell what."""

    told: list[tuple[list[_Id], dict[str, Any], str]] = Field(max_length=1000)


class PartBody(BaseModel):
    """Which messages of which conversation."""

    chat: _Id
    after: tuple[Annotated[int, Field(ge=0, lt=2**63)], _Id]


class FileBody(BaseModel):
    """A stretch of a file."""

    hash: _Id
    offset: int = Field(ge=0)


def router(messages: Messages) -> APIRouter:
    """/v1/messages: files, for who is signed in."""
    routes = APIRouter(prefix="/v1/messages")

    @routes.post("/files", status_code=201)
    async def bring(
        request: Request, principal: Acting, name: Annotated[str, Query(min_length=1, max_length=1000)]
    ) -> dict[str, Any]:
        """Bring a file, as the body alone; the message that it is sent with names its id."""
        made = await messages.files.bring(_person(principal.person), name, request.stream())
        return {"id": made.id, **(file_json(made) or {})}

    @routes.get("/{message}/file", response_class=FileResponse, responses={200: {"content": {_BINARY: {}}}})
    def file(message: str, principal: Acting) -> FileResponse:
        """The file of a message, for who is in the conversation."""
        if not principal.person:
            raise NotFoundError("there is no such file")
        told = messages.asking.ask(principal.person, "chat.file", {"message": message})
        found = msgspec.convert(told, File)
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(found.name, safe='')}",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        }
        return FileResponse(messages.files.path(found), media_type=_BINARY, headers=headers)

    return routes


_BINARY, _LINES = "application/octet-stream", "application/x-ndjson"


def export_router(messages: Messages, directory: Directory) -> APIRouter:
    """GET /v1/people/{aor}/messages."""
    routes = APIRouter(prefix="/v1/people")

    @routes.get("/{aor}/messages", response_class=StreamingResponse, responses={200: {"content": {_LINES: {}}}})
    def export(aor: str, reach: Reached, actor: LocalActor) -> StreamingResponse:
        """A line of JSON for each conversation and each message. That it was taken out is in the audit log first."""
        person = directory.get(Aor.parse(aor), reach)
        if person.home != messages.messaging.site:
            raise RefusedError(
                f"{person.aor} is at home at {person.home}, where their conversations are", do="Ask that site."
            )

        def note(log: Journal) -> None:
            log.entry("message.export", str(person.aor), None, {}, tenant=person.tenant)

        directory.write_here(actor, note)
        lines = (msgspec.json.encode(each) + b"\n" for each in messages.messaging.exported(person.id))
        return StreamingResponse(lines, media_type=_LINES)

    return routes


def _person(person: str | None) -> str:
    if not person:
        raise ForbiddenError("this is for people with an account of their own")
    return person


def link_router(messages: Messages, peers: Sequence[str]) -> APIRouter:
    """Routes for peers."""
    routes = APIRouter(prefix="/link/messages")

    @routes.post("/position")
    def position(peer: PeerName) -> dict[str, Any]:
        stream, seq = messages.messaging.position(known_peer(peer, peers))
        return {"stream": stream, "seq": seq}

    @routes.post("/feed")
    async def feed(peer: PeerName, body: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        known_peer(peer, peers)
        try:
            page = msgspec.convert(body, Page)
        except msgspec.ValidationError as error:
            raise UsageError(f"that is no page of messages ({error})", where=peer) from None
        stream, seq = await run_in_threadpool(messages.messaging.apply, page, peer)
        return {"stream": stream, "seq": seq}

    @routes.post("/part")
    def part(peer: PeerName, body: PartBody) -> dict[str, Any]:
        known_peer(peer, peers)
        told: dict[str, Any] = msgspec.to_builtins(messages.messaging.part(body.chat, body.after))
        return told

    @routes.post("/file")
    def file(peer: PeerName, body: FileBody) -> dict[str, Any]:
        known_peer(peer, peers)
        return messages.files.part(body.hash, body.offset)

    @routes.post("/ask")
    def ask(peer: PeerName, body: AskBody) -> Any:
        known_peer(peer, peers)
        return messages.asking.ask_home(body.person, body.do, body.body)

    @routes.post("/watch")
    def watch(peer: PeerName, body: WatchBody) -> dict[str, str]:
        messages.telling.watch(known_peer(peer, peers), body.people)
        return {"run": messages.run}

    @routes.post("/whisper")
    def whisper(peer: PeerName, body: WhisperBody) -> None:
        known_peer(peer, peers)
        messages.whispered(peer, body.told)

    return routes


def attach(hub: Hub, asking: Asking) -> None:
    """Answer what tabs ask."""
    for name in asking.names:
        hub.handle(name, _handler(asking, name))


def _handler(asking: Asking, name: str) -> Any:
    async def handle(session: Session, body: Mapping[str, Any]) -> Any:
        return await run_in_threadpool(asking.ask, session.member.person, name, body)

    return handle
