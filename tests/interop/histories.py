"""Long conversations, written into a site's database as its people would have, but faster."""

from __future__ import annotations

import uuid

from sqlalchemy import event

from isthmus.database import open_database
from isthmus.messaging.model import Limits
from isthmus.messaging.service import Messaging
from tests.interop.conftest import DOMAIN, Sites

NEEDLE_AT = 0.3
"""Which of them says something of its own, as a part of all."""


def written(sites: Sites, one: str, other: str, count: int, begin_s: float, lasts_s: float) -> str:
    """Two people at home at premises have written in turn. Gives the conversation."""
    now_s = begin_s
    engine = open_database(sites.file("premises").database_url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda opened, _: opened.execute("PRAGMA synchronous=OFF"))
    messaging = Messaging(engine, "premises", Limits(per_s=1e6, burst=10**6), clock=lambda: now_s)
    try:
        people = [messaging.person_of(f"{each}@{DOMAIN}") for each in (one, other)]
        chat = messaging.open_pair(people[0], f"{other}@{DOMAIN}").id
        for number in range(count):
            now_s = begin_s + lasts_s * number / count
            text = "the needle" if number == int(count * NEEDLE_AT) else f"number {number} of them"
            if number % 7 == 3:
                text += "\n" + "which takes some more words, and so a line or two. " * (number % 5)
            messaging.send(people[number % 2], chat, str(uuid.uuid4()), text)
    finally:
        engine.dispose()
    return chat
