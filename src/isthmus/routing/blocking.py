"""Calls that a tenant takes from nobody with such a number, or lets nobody make. Pure.

1. A block names numbers by a pattern (see pstn.py); `anonymous` stands for callers that show none.
2. An exception is a pattern as well, and is stronger than every block.
3. An emergency call is never blocked, nor is who calls back after one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from isthmus.addressing import is_e164
from isthmus.routing import pstn
from isthmus.routing.model import BlockRecord, Config, Direction, Request, Source, Step

ANONYMOUS = "anonymous"


class Verdict(msgspec.Struct, frozen=True):
    """What blocks say of a number. blocked: by which pattern, empty for none. but: what lets it through even so."""

    blocked: str = ""
    but: str = ""

    @property
    def refuses(self) -> bool:
        """Whether the call is refused."""
        return bool(self.blocked) and not self.but


_NOTHING = Verdict()


def judged(blocks: tuple[BlockRecord, ...], tenant: int, direction: Direction, number: str) -> Verdict:
    """What a tenant's blocks say of a number (E.164; empty: of who shows none): by the longest pattern that fits."""
    if not blocks:
        return _NOTHING
    fitting = _indexed(blocks).about(tenant, direction, number)
    if not fitting:
        return _NOTHING
    return Verdict(_longest(fitting, exception=False), _longest(fitting, exception=True))


def is_unwanted(request: Request, tenant: int, config: Config, steps: list[Step]) -> bool:
    """Whether the called's tenant takes no call of such a caller of the PSTN, whichever site's trunk it came by."""
    from_pstn = request.source is not Source.PHONE and (not request.caller or is_e164(request.caller))
    if not config.blocks or not from_pstn or request.called_back or request.method != "INVITE":
        return False
    verdict = judged(config.blocks, tenant, Direction.IN, request.caller)
    who = request.caller or "a caller who shows no number"
    if verdict.refuses:
        steps.append(Step("blocked", f"calls from {who} are blocked: {verdict.blocked}"))
    elif verdict.blocked:
        steps.append(Step("exception", f"calls from {who} are let through: {verdict.but}, though {verdict.blocked} is"))
    return verdict.refuses


def is_closed(request: Request, tenant: int, config: Config, steps: list[Step]) -> bool:
    """Whether the caller's tenant calls no such number of the PSTN."""
    verdict = judged(config.blocks, tenant, Direction.OUT, request.target)
    if verdict.refuses:
        steps.append(Step("blocked", f"calls to {request.target} are blocked: {verdict.blocked}"))
    elif verdict.blocked:
        steps.append(Step("exception", f"{request.target} is let through: {verdict.but}, though {verdict.blocked} is"))
    return verdict.refuses


def is_spent(request: Request, config: Config, steps: list[Step]) -> bool:
    """Whether there are as many calls at once as there may be."""
    for key in sorted(request.spent):
        most = next((each.most for each in config.at_once if each.key == key), 0)
        steps.append(Step("too-many", f"there are {most} calls at once, as many as there may be ({key})"))
    return bool(request.spent)


def _longest(fitting: Sequence[BlockRecord], *, exception: bool) -> str:
    patterns = sorted(each.pattern for each in fitting if each.exception is exception)
    return max(patterns, key=len, default="")


class _Index:
    """Finds the blocks that may be for a number by the digits that they begin with, however many there are."""

    def __init__(self, blocks: tuple[BlockRecord, ...]) -> None:
        self.blocks = blocks
        self._by_start: dict[tuple[int, str, str], list[BlockRecord]] = {}
        for each in blocks:
            start = each.pattern if each.pattern == ANONYMOUS else pstn.start(each.pattern)
            self._by_start.setdefault((each.tenant, each.direction.value, start), []).append(each)

    def about(self, tenant: int, direction: Direction, number: str) -> list[BlockRecord]:
        """Those of a tenant that are for the number."""
        if not number:
            return self._by_start.get((tenant, direction.value, ANONYMOUS), [])
        starts = (number[:length] for length in range(1, len(number) + 1))
        found = (each for start in starts for each in self._by_start.get((tenant, direction.value, start), ()))
        return [each for each in found if pstn.fit((each.pattern,), number) >= 0]


_index = _Index(())


def _indexed(blocks: tuple[BlockRecord, ...]) -> _Index:
    """The index of the present blocks. They are the same object until the snapshot has others."""
    global _index
    if _index.blocks is not blocks:
        _index = _Index(blocks)
    return _index
