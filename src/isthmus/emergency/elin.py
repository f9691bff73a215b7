"""Numbers lent to emergency calls (ELIN), so that the dispatcher's call back finds the very device. Pure.

1. A device that calls again within its window keeps its number, and the window begins anew.
2. Else the number that has been free for the longest is lent; one that was never lent comes first.
3. Is the pool exhausted, the loan is taken over that is the oldest, and whoever had it is not reached by it any more.
   That is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from isthmus.emergency.model import Loan
from isthmus.errors import UsageError


def lent(loans: Iterable[Loan], pool: Sequence[str], wanted: Loan, window_s: int) -> tuple[Loan, Loan | None]:
    """The loan of a call, and the one that had to give way to it, if any did.

    loans: those of these numbers, ended ones too. pool: the place's numbers. wanted: who calls, from which place, when
    (its number and end are of no matter). Raises UsageError for a pool without numbers.
    """
    if not pool:
        raise UsageError(f"{wanted.place} has no numbers to lend", do="isthmus location place set PLACE --elin NUMBER")
    now = wanted.lent_ms
    held = {each.number: each for each in loans if each.number in pool}
    running = [each for each in held.values() if each.until_ms > now]
    again = next((each for each in running if _same(each, wanted)), None)
    if again is not None:
        return _made(wanted, again.number, window_s), None
    free = [number for number in sorted(pool) if number not in held or held[number].until_ms <= now]
    if free:
        number = min(free, key=lambda each: held[each].until_ms if each in held else -1)
        return _made(wanted, number, window_s), None
    oldest = min(running, key=lambda each: (each.lent_ms, each.number))
    return _made(wanted, oldest.number, window_s), oldest


def called_back(loan: Loan | None, now_ms: int) -> Loan | None:
    """The loan that a call to its number reaches; None where the window is over, or nothing was lent."""
    return loan if loan is not None and now_ms < loan.until_ms else None


def _same(loan: Loan, wanted: Loan) -> bool:
    return (loan.tenant, loan.aor, loan.device, loan.place) == (wanted.tenant, wanted.aor, wanted.device, wanted.place)


def _made(wanted: Loan, number: str, window_s: int) -> Loan:
    return Loan(
        number,
        wanted.tenant,
        wanted.place,
        wanted.aor,
        wanted.device,
        wanted.call_id,
        wanted.lent_ms,
        wanted.lent_ms + window_s * 1000,
    )
