"""What is lost when a part dies under calls: a gateway, a connector, a site, the link; and how soon new calls go well.

A process dies by kill -9, a site by that of all its processes, the link by the kernel dropping all that passes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from tests.faults.link import Cut, can_drop_packets
from tests.interop.conftest import PASSWORD

from bench import lab as laboratory
from bench import ng
from bench.lab import Lab
from bench.model import Aim, Figure, Scale
from bench.talking import Attempt, Held, Talks, new_calls, quietly
from isthmus.engines.kamailio import media
from isthmus.sip.sealing import Side

_BEYOND_S = 2.0  # the aim: so much longer than the time-out a new call may take
_NORMAL_S = 2.0  # a call that takes longer was held up
_BEFORE_S = 1.0  # of new calls before the fault, which show that all is well
_HEARD_S = 5.0
_BACK_S = 40.0
_ANSWER_S, _LINK_S = 10.0, 1.5  # the settings' defaults: `answer_s` of a trunk, `timeout_ms` of the link
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is broken under which calls.

    timeout_s: the one that is configured for noticing it. through: whether a call's media passes what dies.
    strike, mend: do it and undo it."""

    key: str
    title: str
    timeout_s: float
    held: Pairs
    new: Pairs
    strike: Callable[[], object]
    through: Callable[[Held], bool]
    mend: Callable[[], object] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it. Calls that were up: all, those through what died, lost ones, lost ones that went elsewhere.

    new, new_lost: calls begun after the fault. midst_lost: those lost that were being set up when it happened.
    slowest_s: until the answer of the slowest that was answered.
    disturbed_s: from the fault to the beginning of the last call that was lost or held up.
    back_s: from mending until a call goes that way again; None where nothing is mended.
    """

    up: int
    through: int
    lost: int
    lost_elsewhere: int
    new: int
    new_lost: int
    midst_lost: int
    slowest_s: float
    disturbed_s: float
    reasons: tuple[str, ...] = field(default=())
    back_s: float | None = None


def judge(
    held: Sequence[Held],
    lost: Sequence[Held],
    attempts: Sequence[Attempt],
    struck_s: float,
    back_s: float | None = None,
) -> Outcome:
    """The account. struck_s: when it had happened, by the clock of the attempts."""
    midst = [each for each in attempts if each.at_s < struck_s < each.at_s + each.took_s]
    after = [attempt for attempt in attempts if attempt.at_s >= struck_s]
    failed = [attempt for attempt in after if attempt.outcome != "ok"]
    disturbed = [attempt.at_s for attempt in after if attempt in failed or attempt.took_s > _NORMAL_S]
    return Outcome(
        up=len(held),
        through=sum(each.through for each in held),
        lost=len(lost),
        lost_elsewhere=sum(not each.through for each in lost),
        new=len(after),
        new_lost=len(failed),
        midst_lost=sum(attempt.outcome != "ok" for attempt in midst),
        slowest_s=max((attempt.took_s for attempt in after if attempt.outcome == "ok"), default=0.0),
        disturbed_s=max(disturbed, default=struck_s) - struck_s,
        reasons=tuple(sorted({attempt.outcome for attempt in failed})),
        back_s=back_s,
    )


def measure(scale: Scale) -> list[Figure]:
    """Three figures a fault."""
    with laboratory.running(("gateway1", "gateway2"), connectors=2) as lab:
        return asyncio.run(_measure(lab, scale))


async def _measure(lab: Lab, scale: Scale) -> list[Figure]:
    half = scale.held // 2
    users = {f"fb{home[0]}{number:02}": home for home in laboratory.HOMES for number in range(half)}
    numbers = {user: f"+1425555{3000 + index}" for index, user in enumerate(users)}
    await asyncio.to_thread(_lay_routes, lab, users, numbers)
    talks = Talks(lab.sites)
    link = Cut(lab.sites.address("premises"), lab.sites.address("online"))
    whole: AbstractContextManager[object] = link if can_drop_packets() else nullcontext()
    figures: list[Figure] = []
    with whole:
        try:
            for user, home in users.items():
                await talks.open(user, home, PASSWORD)
            for fault in _faults(lab, half, link if can_drop_packets() else None):
                figures += _figures(fault, await _suffer(talks, fault, scale.outage_s))
        finally:
            await talks.close()
    return figures


def _lay_routes(lab: Lab, users: dict[str, str], numbers: dict[str, str]) -> None:
    lab.people(users, numbers)
    lab.route("premises", "one", "+1206", "gateway1", "gateway2")
    lab.route("premises", "two", "+1303", "gateway2", "gateway1")
    lab.route("premises", "world", "+1415", "carrier")
    lab.route("online", "branch", "+1212", f"@{laboratory.BRANCH}")
    lab.route("online", "world", "+1415", "@premises", "carrier")


def _faults(lab: Lab, half: int, link: Cut | None) -> list[Fault]:
    here, there = ([f"fb{home[0]}{number:02}" for number in range(half)] for home in laboratory.HOMES)
    number = range(half)
    across = list(zip(here, there, strict=True))
    at_online = [(there[n], there[(n + 1) % half]) for n in number]
    connector, premises = lab.connectors[0].site, lab.sites.file("premises")
    found = [
        Fault(
            "gateway",
            "One gateway of two killed",
            _ANSWER_S,
            [(here[n], f"+{prefix}5550{100 + n}") for prefix in ("1206", "1303") for n in number],
            [(user, "+12065550199") for user in here],
            lab.gateways["gateway1"].kill,
            lambda held: held.callee.startswith("+1206"),
        ),
        Fault(
            "connector",
            "One connector of two killed",
            _LINK_S,
            [(there[n], f"+12125550{100 + n}") for n in number] * 2,
            [(user, "+12125550199") for user in there],
            lambda: laboratory.kill_site(connector),
            _passes(ng.of(connector)),
        ),
    ]
    if link is not None:
        found.append(
            Fault(
                "link",
                "The link cut",
                _LINK_S,
                [*across, *at_online],
                [across[0], (there[1], here[1]), *at_online[:2]],
                link.drop,
                lambda held: (held.caller, held.callee) in across,
                link.mend,
            )
        )
    found.append(
        Fault(
            "premises",
            "The premises site killed",
            _LINK_S,
            [*across, *at_online],
            [*at_online, *((user, "+14155550123") for user in there)],
            lambda: laboratory.kill_site(premises),
            _passes(ng.of(premises)),
        )
    )
    return found


def _passes(relay: tuple[str, int]) -> Callable[[Held], bool]:
    """Whether a call has a session at this relay, which is asked once, before it dies."""
    there: set[str] = set()

    def passes(held: Held) -> bool:
        if not there:
            there.update(ng.sessions(relay))
        assert held.call.invite is not None
        call_id = held.call.invite.call_id
        return any(media.session(call_id, side).removeprefix("call-id=") in there for side in Side)

    return passes


async def _suffer(talks: Talks, fault: Fault, outage_s: float) -> Outcome:
    """Bring calls up, try new ones all the while, strike; then look what is left, and hang up."""
    talks.attempts.clear()
    await talks.hold(fault.held)
    for held in talks.held:
        held.through = fault.through(held)
    over = asyncio.Event()
    async with talks.sending():
        trying = asyncio.create_task(new_calls(talks, fault.new, 0.25, lambda: not over.is_set()))
        await asyncio.sleep(_BEFORE_S)
        await asyncio.to_thread(fault.strike)
        struck_s = time.monotonic()
        await asyncio.sleep(outage_s)
        over.set()
        back_s = None
        if fault.mend:
            await asyncio.to_thread(fault.mend)
            back_s = await _back(talks, fault.held[0])
        await trying
        lost = await talks.lost(_HEARD_S)
    first = min(talks.attempts, key=lambda attempt: attempt.at_s)
    assert first.outcome == "ok", f"new calls failed before the fault: {first}"
    outcome = judge(talks.held, lost, talks.attempts, struck_s, back_s)
    gone, talks.held = talks.held, []
    await asyncio.gather(*(quietly(held.call.hang_up()) for held in gone if held.call.up))
    return outcome


async def _back(talks: Talks, pair: tuple[str, str]) -> float:
    """Seconds from now until a call between these two has been answered by the called one's own phone."""
    began = time.monotonic()
    phone = talks.phones[pair[0]]
    while time.monotonic() - began < _BACK_S:
        at_s = time.monotonic()
        await talks.new_call(*pair)
        attempt = talks.attempts.pop()  # it is no call that has to go well
        if attempt.outcome == "ok" and attempt.took_s < _NORMAL_S:
            return at_s + attempt.took_s - began
        await asyncio.sleep(0.25)
    raise AssertionError(f"{phone.account.uri} reaches nobody across {_BACK_S:.0f} s after the fault was mended")


def _figures(fault: Fault, outcome: Outcome) -> list[Figure]:
    title, limit_s = fault.title, fault.timeout_s + _BEYOND_S
    note = f"the last one held up for more than {_NORMAL_S:.0f} s began {outcome.disturbed_s:.1f} s after it"
    if outcome.back_s is not None:
        note += f"; {outcome.back_s:.1f} s after it is mended they go that way again"
    midst = f"{outcome.midst_lost} more lost that were being set up at that moment" if outcome.midst_lost else ""
    elsewhere = outcome.lost_elsewhere
    return [
        Figure.of(
            f"failover.{fault.key}.up",
            f"{title}: calls lost of {outcome.up} that were up",
            "calls",
            [(outcome.lost, max(outcome.through, 1))],
            f"{outcome.through} with media through it",
            Aim("ratio", 1.0) if not elsewhere else Aim("value", outcome.lost - elsewhere),
            f"{elsewhere} of the lost went elsewhere" if elsewhere else "",
        ),
        Figure.of(
            f"failover.{fault.key}.new",
            f"{title}: new calls lost",
            "calls",
            [(outcome.new_lost, max(outcome.new, 1))],
            "made from then on",
            Aim("value", 0),
            "; ".join((*outcome.reasons, *([midst] if midst else []))),
        ),
        Figure.of(
            f"failover.{fault.key}.slowest",
            f"{title}: slowest new call until its answer",
            "s",
            [(outcome.slowest_s, fault.timeout_s)],
            "the time-out configured",
            Aim("value", limit_s),
            note,
        ),
    ]
