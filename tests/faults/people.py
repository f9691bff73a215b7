"""Moving people, looking at where they are, and comparing what the two sites know."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from isthmus.site import internal, rules, status
from tests.agents.raw import TRANSPORTS, User
from tests.faults.link import Watch
from tests.interop.conftest import DOMAIN, HOMES, Sites
from tests.support import wait_for

# Tests kill the same process again and again, before it counts as steady: the supervisor then waits its longest.
_READY_AGAIN_S = rules.LONGEST_DELAY_S + 60.0


def other(site: str) -> str:
    """The other of the two sites."""
    return HOMES[1 - HOMES.index(site)]


def start_move(sites: Sites, users: Sequence[str], to: str) -> str:
    """Begin to move people; gives the batch's id."""
    with sites.api("premises") as api:
        batch = api.post("/v1/moves", {"aors": [f"{user}@{DOMAIN}" for user in users], "to": to})
    return str(batch["id"])


def moved(sites: Sites, batch: str, timeout_s: float = 150) -> dict[str, Any]:
    """The batch when it is over, with all its people."""

    def over() -> dict[str, Any] | None:
        with sites.api("premises") as api:
            found: dict[str, Any] = api.get(f"/v1/moves/{batch}", people="all")
        return found if found["finished"] else None

    found = wait_for(over, timeout_s, f"the end of batch {batch}")
    assert found is not None
    return found


async def move(sites: Sites, users: Sequence[str], to: str, timeout_s: float = 150) -> dict[str, Any]:
    """Move people and wait for the end."""
    batch = await asyncio.to_thread(start_move, sites, users, to)
    return await asyncio.to_thread(moved, sites, batch, timeout_s)


def homes(sites: Sites, at: str, users: Sequence[str]) -> dict[str, tuple[str, int]]:
    """Home and epoch of people, as a site's directory has them."""
    with sites.api(at) as api:
        people = [api.get(f"/v1/people/{user}@{DOMAIN}") for user in users]
    return {person["aor"].partition("@")[0]: (person["home"], person["home_epoch"]) for person in people}


def same_homes(sites: Sites, users: Sequence[str], timeout_s: float = 60) -> dict[str, str]:
    """Wait until both directories say the same of these people, and give where they live."""
    wait_for(lambda: homes(sites, "premises", users) == homes(sites, "online", users), timeout_s, "equal directories")
    return {user: home for user, (home, _) in homes(sites, "premises", users).items()}


def bindings(sites: Sites, at: str, user: str) -> list[dict[str, Any]]:
    """A person's bindings that this site's registrar holds."""
    with sites.api(at) as api:
        rows = api.get("/v1/registrations", aor=f"{user}@{DOMAIN}")
    return [binding for row in rows if row.get("site", at) == at for binding in row["bindings"]]


async def phones(sites: Sites, stack: AsyncExitStack, users: Mapping[str, str], **options: Any) -> dict[str, User]:
    """A registered phone for each person (user to home): transports mixed, half of them at the wrong site."""
    opened: dict[str, User] = {}
    for number, user in enumerate(users):
        at, transport = HOMES[number // len(TRANSPORTS) % 2], TRANSPORTS[number % len(TRANSPORTS)]
        phone = await stack.enter_async_context(await sites.phone(user, at, transport, register=False, **options))
        await register(phone)
        opened[user] = phone
    return opened


async def register(phone: User, timeout_s: float = 12.0) -> float:
    """Register, by a new connection where the old one broke; again after 503 or a refused connection, as phones do.

    A site that a peer was silent to does not ask it again for five seconds. Gives the seconds it took.
    """
    started = time.monotonic()
    while True:
        try:
            answer = await phone.register()
            said = f"{answer.code} {answer.phrase}"
        except OSError as error:
            said = str(error)
        took_s = time.monotonic() - started
        if said.startswith("200"):
            return took_s
        assert took_s < timeout_s, f"{phone.account.uri} can't register after {took_s:.1f} s: {said}"
        assert said[:3] in ("503", "408", "[Er"), f"{phone.account.uri} REGISTER: {said}"
        await asyncio.sleep(0.5)


def pid(sites: Sites, site: str, process: str) -> int:
    """The process id of one of a site's processes, or of its supervisor."""
    now = status.read(sites.file(site))
    assert now is not None, f"{site} has no supervisor"
    found = now.pid if process == "supervisor" else now.processes[process].pid
    assert found is not None, f"{process} of {site} does not run"
    return found


def kill(sites: Sites, site: str, process: str) -> None:
    """kill -9 of one process."""
    os.kill(pid(sites, site, process), signal.SIGKILL)


@contextmanager
def frozen(sites: Sites, site: str) -> Iterator[None]:
    """A site's Kamailio with all its workers stands still: the kernel takes what is sent to it, and nobody answers."""
    main = pid(sites, site, "kamailio")
    family = [main, *map(int, Path(f"/proc/{main}/task/{main}/children").read_text().split())]
    try:
        for number in family:
            os.kill(number, signal.SIGSTOP)
        yield
    finally:
        for number in family:
            os.kill(number, signal.SIGCONT)


def ready(sites: Sites, site: str) -> bool:
    """Whether the supervisor says that all of a site answers."""
    now = status.read(sites.file(site))
    return now is not None and now.ready


def log_lines(sites: Sites) -> dict[str, int]:
    """Lines in each log of both sites."""
    return {
        f"{name}/{path.name}": len(path.read_bytes().splitlines())
        for name in HOMES
        for path in sites.file(name).log_dir.glob("*.log")
    }


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """By how many lines each log has grown, those that did not left out."""
    return {name: count - before.get(name, 0) for name, count in after.items() if count > before.get(name, 0)}


async def until_ready(sites: Sites, site: str, killed: int, process: str) -> float:
    """Wait until the killed process has a successor and the site is whole; gives the seconds it took."""
    started = time.monotonic()

    def whole() -> bool:
        return ready(sites, site) and pid(sites, site, process) != killed

    await asyncio.to_thread(wait_for, whole, _READY_AGAIN_S, f"{site} is ready again after kill -9 of {process}")
    return time.monotonic() - started


async def everybody_is_reached(phones: dict[str, User]) -> None:
    """Each is called by a neighbour, untouched since whatever happened, and answers."""
    names = list(phones)
    for caller, callee in zip(names, names[1:] + names[:1], strict=True):
        end = time.monotonic() + 10  # a peer that was silent is not asked again for five seconds
        while True:
            try:
                await (await phones[caller].dial(f"sip:{callee}@{DOMAIN}")).hang_up()
                break
            except ConnectionError:
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.5)


async def reopen(phones: dict[str, User]) -> None:
    """What phones do whose connection broke: register again by a new one. UDP phones do nothing."""
    took = [await register(phone) for phone in phones.values() if phone.wire.transport != "udp"]
    print(f"phones are back on new connections after at most {max(took):.1f} s")


def link_up(sites: Sites) -> None:
    """Wait until the authority has heard of its peer."""

    def up() -> bool:
        with sites.api("premises") as api:
            return bool(api.get("/v1/link")[0]["up"])

    wait_for(up, 60, "the link is up")


@asynccontextmanager
async def watched(sites: Sites) -> AsyncIterator[Watch]:
    """Sees what the authority's control service asks of its peer, which is started anew for it."""
    watch = Watch(internal.link_out_socket(sites.file("premises"), "online"))
    try:
        before = pid(sites, "premises", "control")
        kill(sites, "premises", "control")  # so that it opens its connections anew
        await until_ready(sites, "premises", before, "control")
        await asyncio.to_thread(link_up, sites)
        yield watch
    finally:
        watch.close()
