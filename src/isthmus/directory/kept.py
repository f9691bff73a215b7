"""Numbers that other features keep from people: they are asked before somebody gets one, and say why not.

So each person is judged by themselves, wherever many are changed at once. What a feature has to be sure of, it holds
every write to all the same (Directory.join).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Connection

from isthmus.addressing import Aor
from isthmus.errors import RefusedError

# A number, and the tenant of who is to have it.
Wanted = tuple[str, str]
# Of numbers that are wanted by an actor (the audit log's) at a time (milliseconds since 1970): those not to be had.
Keeper = Callable[[Connection, Collection[Wanted], str, int], Mapping[Wanted, RefusedError]]
# The same, of one write.
Judge = Callable[[Collection[Wanted]], Mapping[Wanted, RefusedError]]


def nothing(_: Collection[Wanted]) -> Mapping[Wanted, RefusedError]:
    """Keeps no number from anybody."""
    return {}


def judge(keepers: Collection[Keeper], connection: Connection, actor: str, at_ms: int) -> Judge:
    """All keepers together; of several refusals the first counts."""

    def asked(wanted: Collection[Wanted]) -> Mapping[Wanted, RefusedError]:
        found: dict[Wanted, RefusedError] = {}
        for keeper in keepers if wanted else ():
            found = {**keeper(connection, wanted, actor, at_ms), **found}
        return found

    return asked


def refusal(error: RefusedError, aor: Aor) -> RefusedError:
    """The refusal, to be told of this person."""
    return RefusedError(error.what, where=str(aor), do=error.do)
