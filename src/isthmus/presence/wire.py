"""What sites tell each other of presence: pages of an ordered feed, and what somebody chose at another site."""

from __future__ import annotations

from typing import Any

import msgspec

from isthmus.errors import RefusedError
from isthmus.presence.model import Known, Seen


class Page(msgspec.Struct, frozen=True):
    """A stretch of a site's feed, up to number `to` of run `run`; `last` is the newest there.

    whole: it begins a telling of all there is: what is not told until `to` reaches `last` is no more. states: of the
    people at home there. seen: what it sees of those at home at the asking site. gone: people nothing is told of now.
    """

    run: int
    to: int
    last: int
    whole: bool = False
    states: tuple[Known, ...] = ()
    seen: tuple[tuple[str, Seen], ...] = ()
    gone: tuple[str, ...] = ()


def encode(page: Page) -> bytes:
    """For the answer."""
    return msgspec.json.encode(page)


def page_of(told: Any) -> Page:
    """What a peer told, as JSON has it. Raises RefusedError for what is no page."""
    try:
        return msgspec.convert(told, Page)
    except msgspec.ValidationError as error:
        raise RefusedError(f"what the peer tells of presence can't be read ({error})") from error
