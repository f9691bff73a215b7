"""Routes of people's photos: for who may see the person, and for the other sites."""

from __future__ import annotations

import base64
import binascii
import threading
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Engine

from isthmus.access.api import People, Reached
from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.directory.model import Person
from isthmus.errors import IsthmusError, NotFoundError
from isthmus.link.api import PeerName, known_peer
from isthmus.sync import store
from isthmus.sync.photos import Photo, Photos

_BELIEVED_S = 60.0  # how long what the authority said is not asked again
_AGAIN_S = 5.0  # and how long it is not asked when it did not answer
_KNOWN = 10_000


class Peer(Protocol):
    """The authority, as another site asks it."""

    def ask(self, path: str, body: Any, *, timeout_s: float = ...) -> Any: ...


class PhotoBody(BaseModel):
    """Whose photo, and the hash of the one that is known already."""

    aor: Annotated[str, Field(max_length=400)]
    known: Annotated[str, Field(max_length=64)] = ""


class PhotosOfPeople:
    """Finds the photo of a person: at the authority by what the source gave, elsewhere by asking the authority.

    authority: the link to it; None at the authority itself. shown: whether photos of a person are shown.
    """

    def __init__(self, engine: Engine, photos: Photos, authority: Peer | None, shown: Callable[[Person], bool]) -> None:
        self._engine, self.photos, self._authority, self.shown = engine, photos, authority, shown
        self._lock = threading.Lock()
        self._known: dict[Aor, tuple[float, str]] = {}

    def of(self, person: Person) -> Photo | None:
        """The person's photo; None without one, or where the authority does not answer and it is not here."""
        if not self.shown(person):
            return None
        name = self.name_of(person.aor) if self._authority is None else self._asked(person.aor, self._authority)
        return self.photos.get(name) if name else None

    def name_of(self, aor: Aor) -> str:
        """The hash of the photo that the source gave; empty without one."""
        with reading(self._engine) as connection:
            link = store.of_person(connection, aor)
        return link.wanted.photo if link is not None else ""

    def sweep(self) -> None:
        """Drop the photos of those who are gone. At the authority; elsewhere they are asked for anew."""
        with reading(self._engine) as connection:
            used = store.photos(connection)
        self.photos.sweep(used if self._authority is None else ())

    def _asked(self, aor: Aor, authority: Peer) -> str:
        with self._lock:
            until, name = self._known.get(aor, (float("-inf"), ""))
        if time.monotonic() < until and (not name or self.photos.get(name)):
            return name
        known = name if self.photos.get(name) else ""
        try:
            told = authority.ask("/link/photo", {"aor": str(aor), "known": known})
            if told.get("data"):
                self.photos.keep(base64.b64decode(told["data"], validate=True))
            name = str(told.get("hash") or "")
        except (IsthmusError, binascii.Error, ValueError):
            # What was seen last is better than nothing, and a link that is cut need not be tried for each photo.
            self._believe(aor, known, _AGAIN_S)
            return known
        self._believe(aor, name, _BELIEVED_S)
        return name

    def _believe(self, aor: Aor, name: str, for_s: float) -> None:
        with self._lock:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[aor] = (time.monotonic() + for_s, name)


def router(found: PhotosOfPeople, people: People) -> APIRouter:
    """GET /v1/people/{aor}/photo."""
    routes = APIRouter(prefix="/v1/people")

    @routes.get(
        "/{aor}/photo",
        response_class=Response,
        responses={200: {"content": {"image/jpeg": {}, "image/png": {}}}, 304: {"description": "It is the same"}},
    )
    def photo(
        aor: str, reach: Reached, request: Request, if_none_match: Annotated[str | None, Header()] = None
    ) -> Response:
        got = found.of(people.get(Aor.parse(aor), reach))
        if got is None:
            raise NotFoundError(f"{aor[:80]} has no photo, or it is not shown")
        headers = {"ETag": f'"{got.hash[:32]}"', "Cache-Control": "private, max-age=300"}
        if if_none_match is not None and headers["ETag"] in if_none_match:
            return Response(status_code=304, headers=headers)
        return Response(got.data, media_type=got.media_type, headers=headers)

    return routes


def link_router(found: PhotosOfPeople, peers: Sequence[str]) -> APIRouter:
    """What the other sites ask the authority."""
    routes = APIRouter()

    @routes.post("/link/photo")
    def photo(peer: PeerName, body: PhotoBody) -> dict[str, str]:
        known_peer(peer, peers)
        name = found.name_of(Aor.parse(body.aor))
        got = found.photos.get(name) if name and name != body.known else None
        return {"hash": name, "data": base64.b64encode(got.data).decode() if got else ""}

    return routes
