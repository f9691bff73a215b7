"""Why a call would go where it goes, for who asks over the API: this site's snapshot, and the peers' own word.

The command line reads the snapshots that are on its machine; here the other site is asked over the link what it
decides. Either way it is `routing.rules.decide` that speaks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

import msgspec
from msgspec.structs import replace

from isthmus.addressing import Telephone, is_e164
from isthmus.errors import IsthmusError, NotFoundError, UnavailableError, UsageError
from isthmus.link.peer import PeerLink
from isthmus.routing import asking, explain
from isthmus.routing.explain import Views
from isthmus.routing.model import Outcome, PersonRecord, Request, Step
from isthmus.routing.snapshot import View

_CONNECTOR_S = 8.0  # the peer waits for its connector's answer


class Reader(Protocol):
    """The site's snapshot."""

    def view(self) -> AbstractContextManager[View]: ...


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. at: the site it enters at; empty for the caller's home. when: ISO 8601, empty for now.

    phone: IP address of the caller's phone. down: sites to which the link is to be taken for cut. failed: trunks that
    it was tried on in vain.
    """

    caller: str
    target: str
    at: str = ""
    when: str = ""
    phone: str = ""
    down: Sequence[str] = ()
    failed: Sequence[str] = ()
    method: str = "INVITE"


class _Without:
    """A view without the people of some tenants."""

    def __init__(self, view: View, may_know: Callable[[str], bool]) -> None:
        self._view, self._may_know = view, may_know

    def person(self, aor: str) -> PersonRecord | None:
        found = self._view.person(aor)
        return found if found is not None and self._may_know(self.config.tenants[found.tenant]) else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._view, name)


def _is_hidden(target: str, view: View, may_know: Callable[[str], bool]) -> bool:
    """Whether an address is of a tenant that is not to be known of. Raises NotFoundError for a number of one."""
    person = view.owner_of(target) if is_e164(target) else view.person(target)
    if person is None or may_know(view.config.tenants[person.tenant]):
        return False
    if is_e164(target):
        raise NotFoundError(f"there is nobody within your reach who has {target}", where="to")
    return True


class Explaining:
    """Answers questions at one site. links: to its peers. behind: the address of who has an extension of a number.

    more: what else this site has to say of a request, beside what it decides. connector: asks a connector of this site,
    by its name, what it decides of a request; raises IsthmusError.
    """

    def __init__(
        self,
        site: str,
        reader: Reader,
        links: Sequence[PeerLink],
        behind: Callable[[str, Telephone], str | None] = lambda tenant, telephone: None,
        more: Callable[[Request], tuple[Step, ...]] = lambda request: (),
        connector: Callable[[str, Request], Outcome] | None = None,
    ) -> None:
        self._site, self._reader, self._behind, self._more = site, reader, behind, more
        self._links, self._connector = {link.peer: link for link in links}, connector

    def explain(
        self, question: Question, may_know: Callable[[str], bool] = lambda tenant: True
    ) -> tuple[Request, dict[str, Any]]:
        """The request that was asked about, and its way as JSON. Raises UsageError, NotFoundError.

        may_know: whether who asks may know of a tenant: of its connectors, and whom it has. An address of one that they
        may not is explained as nobody's; of a number, which is somebody's all the same, nothing is told.
        """
        with self._reader.view() as view:
            request, entrance = asking.request_of(
                question.caller, question.target, question.method, question.at or None, question.down, view, may_know
            )
            request = replace(
                request,
                tried=frozenset(question.failed),
                at_s=moment_of(question.when),
                place=asking.place_of(question.phone, view),
                phone=question.phone,
            )
            hidden = _is_hidden(request.target, view, may_know)
        faults: dict[str, str] = {}
        path = explain.call(
            request,
            entrance,
            self._without(may_know) if hidden else self._view_of,
            lambda site, asked: self._ask(site, asked, faults),
            lambda site, asked: self._more(asked),
        )
        told = {"from": request.caller, "to": request.target, "at": entrance, "via": request.via or None}
        return request, {**told, **path.as_json(), "unknown": [{"site": s, "why": w} for s, w in faults.items()]}

    def reaching(self, target: str, visible: Callable[[str], bool] = lambda aor: True) -> dict[str, Any]:
        """Who and what reaches somebody, and by which ways. Raises NotFoundError, UsageError.

        target: an address, a number (`;ext=` may follow), or what is dialled by a dial plan. visible: whether who asks
        may know of somebody.
        """
        with self._reader.view() as view:
            meant = asking.meant(target, view, visible)
            person, tenant = meant.person, view.config.tenants[meant.person.tenant]
            come = {each.name for each in view.config.connectors}
            sites = view.config.sites
            forms = asking.forms_of(person, view)
        behind = None
        if meant.extension and person.number is not None:
            behind = self._behind(tenant, Telephone(person.number, meant.extension))
        faults: dict[str, str] = {}
        entrances = explain.reverse(
            person,
            tuple(each for each in sites if each not in come),  # what comes to those, they hand to this site
            self._view_of,
            lambda site, asked: self._ask(site, asked, faults),
            lambda site: self._trunks(site, faults),
            forms,
        )
        told = [
            {"who": each.who, "dials": each.dials, "means": each.means, **each.path.as_json()} for each in entrances
        ]
        return {
            "aor": person.aor,
            "number": person.number,
            "home": sites[person.home],
            "enabled": person.enabled,
            "means": meant.why,
            "extension": meant.extension or None,
            "behind": behind if behind is None or visible(behind) else None,
            "entrances": told,
            "unknown": [{"site": site, "why": why} for site, why in faults.items()],
        }

    def _trunks(self, site: str, faults: dict[str, str]) -> list[str] | None:
        try:
            if site not in self._links:
                raise UnavailableError(f"{self._site} has no link to {site}")
            return [str(trunk["name"]) for trunk in self._links[site].ask("/link/state", {})["trunks"]]
        except IsthmusError as error:
            faults[site] = str(error)
            return None

    def judge(self, body: Mapping[str, Any], connector: str = "") -> dict[str, Any]:
        """For a peer: what this site decides of a request, or a connector of this site.

        Raises UsageError, UnavailableError.
        """
        try:
            request = msgspec.convert(body.get("request"), Request)
        except msgspec.ValidationError as error:
            raise UsageError(f"that is no request: {error}") from error
        if connector:
            return {"outcome": msgspec.to_builtins(self._of_connector(connector, request))}
        with self._reader.view() as view:
            return {"outcome": msgspec.to_builtins(explain.judged(request, view, self._more(request)))}

    def _of_connector(self, name: str, request: Request) -> Outcome:
        with self._reader.view() as view:
            known = any(each.name == name for each in view.config.connectors)
        if self._connector is None or not known:
            raise UnavailableError(f"{self._site} has no link to {name}")
        return self._connector(name, request)

    def _without(self, may_know: Callable[[str], bool]) -> Views:
        """This site's view, for whichever site, as if there were nobody of other tenants."""

        @contextmanager
        def opened() -> Iterator[View]:
            with self._reader.view() as view:
                yield cast(View, _Without(view, may_know))

        return lambda site: opened()

    def _view_of(self, site: str) -> AbstractContextManager[View] | None:
        return self._reader.view() if site == self._site else None

    def _ask(self, site: str, request: Request, faults: dict[str, str]) -> Outcome | None:
        try:
            body = {"request": msgspec.to_builtins(request)}
            if site in self._links:
                told = self._links[site].ask("/link/judge", body)
            elif request.via in self._links:  # to a connector of the site that the call came to
                told = self._links[request.via].ask(f"/link/judge/{site}", body, timeout_s=_CONNECTOR_S)
            else:
                return self._of_connector(site, request)
            return msgspec.convert(told["outcome"], Outcome)
        except (IsthmusError, msgspec.ValidationError) as error:
            faults[site] = str(error)
            return None


def moment_of(text: str, where: str = "when") -> int:
    """A moment in Unix seconds; now for nothing. Without a zone it is this machine's time. Raises UsageError."""
    if not text:
        return int(time.time())
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{text[:40]!r} is no time", where=where, do="Write it as 2026-11-26T03:00.") from error
