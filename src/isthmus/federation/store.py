"""Sign-ins on their way, and the people that a source's objects stand for, in SQL."""

from __future__ import annotations

import hmac
import json

from sqlalchemy import Connection, delete, insert, select

from isthmus.directory.tables import person
from isthmus.federation.model import Waiting
from isthmus.federation.tables import outside_sign_in
from isthmus.identity.sealing import Sealer, token_hash
from isthmus.sync.tables import link


def put_waiting(
    connection: Connection, sealer: Sealer, state: str, browser: str, waiting: Waiting, now_ms: int, for_ms: int
) -> None:
    """Remember a sign-in that goes to its provider; drop those that never came back."""
    connection.execute(delete(outside_sign_in).where(outside_sign_in.c.expires_ms <= now_ms))
    secret = json.dumps([waiting.nonce, waiting.verifier, waiting.fresh]).encode()
    connection.execute(
        insert(outside_sign_in).values(
            state=token_hash(state),
            provider=waiting.provider,
            browser=token_hash(browser),
            sealed=sealer.seal(secret, token_hash(state)),
            links=waiting.links,
            ends=waiting.ends,
            back=waiting.back,
            expires_ms=now_ms + for_ms,
        )
    )


def take_waiting(connection: Connection, sealer: Sealer, state: str, browser: str, now_ms: int) -> Waiting | None:
    """The sign-in of this state, which is used up by that; None where there is none, or it is another browser's."""
    mine = outside_sign_in.c.state == token_hash(state)
    row = connection.execute(select(outside_sign_in).where(mine)).one_or_none()
    # Only the browser that began it uses it up: who merely saw the state can't spoil it.
    if row is None or row.expires_ms <= now_ms or not hmac.compare_digest(row.browser, token_hash(browser)):
        return None
    if connection.execute(delete(outside_sign_in).where(mine)).rowcount != 1:
        return None
    nonce, verifier, fresh = json.loads(sealer.open(bytes(row.sealed), row.state))
    return Waiting(row.provider, nonce, verifier, row.links, row.ends, row.back, fresh)


def person_of(connection: Connection, source: str, entry: str, tenant: str) -> tuple[str, str, str] | None:
    """Stable id, address and display name of the person that an object of a source stands for, in this tenant.

    entry: the object's id; or the security id of the account that an object of a resource forest belongs to.
    """
    row = connection.execute(
        select(person.c.id, person.c.aor, person.c.display_name)
        .join_from(link, person, person.c.aor == link.c.aor)
        .where(link.c.source == source, (link.c.id == entry) | (link.c.twin == entry), link.c.vanished_ms.is_(None))
        .where(person.c.tenant == tenant, person.c.enabled, person.c.id.is_not(None))
    ).one_or_none()
    return None if row is None else (row.id, row.aor, row.display_name)
