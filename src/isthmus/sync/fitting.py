"""As much of many changes as a tenant's limits let through: a run goes on with what fits, and tells of the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from isthmus.directory.changing import Alter, Create, Operation, Outcome
from isthmus.directory.model import UNCHANGED
from isthmus.errors import RefusedError

Apply = Callable[[Sequence[Operation]], list[Outcome]]


def change_what_fits(connection: Connection, operations: Sequence[Operation], change_many: Apply) -> list[Outcome]:
    """Do all operations, or, where a limit refuses them together, those that add nothing and as many more as fit.

    change_many: does them in the transaction of `connection`, or raises RefusedError and leaves it to be undone.
    Returns an outcome for each; of those that were one too many, the refusal. Raises RefusedError where even what adds
    nothing is refused.
    """
    try:
        with connection.begin_nested():
            return change_many(operations)
    except RefusedError as error:
        refusal = error
    waiting = [index for index, each in enumerate(operations) if _adds(each)]
    if not waiting:
        raise refusal
    rest = [index for index, each in enumerate(operations) if not _adds(each)]
    outcomes = dict(zip(rest, change_many([operations[index] for index in rest]), strict=True))
    size = len(waiting)
    while waiting and size:
        some = waiting[:size]
        try:
            with connection.begin_nested():
                done = change_many([operations[index] for index in some])
        except RefusedError as error:
            refusal, size = error, size // 2
            continue
        outcomes |= zip(some, done, strict=True)
        waiting = waiting[size:]
    outcomes |= dict.fromkeys(waiting, refusal)
    return [outcomes[index] for index in range(len(operations))]


def _adds(operation: Operation) -> bool:
    """Whether there may be more people or numbers afterwards."""
    if isinstance(operation, Alter):
        return operation.changes.number is not UNCHANGED and operation.changes.number is not None
    return isinstance(operation, Create)
