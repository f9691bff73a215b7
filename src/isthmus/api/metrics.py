"""GET /v1/metrics: figures for Prometheus, of what the asker reaches and no more."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.access.api import Reached
from isthmus.access.model import Reach
from isthmus.engines.kamailio.bulk import ask
from isthmus.errors import IsthmusError
from isthmus.site.services import Services

ROUTE = "isthmus.route"
"""Where the gate writes into the scope which route was asked."""

_REQUESTS = CollectorRegistry()
_requests = Counter(
    "isthmus_http_requests", "Requests to the API; 401 at /v1/session: sign-ins that failed",
    ["method", "route", "status"], registry=_REQUESTS,
)  # fmt: skip


class Counting:
    """ASGI middleware, outside the gate: counts requests by route and status, of all applications of this process."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and count the answer."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                # Never the address itself: others choose it, and it may hold a name.
                known = ROUTE in scope
                method, route = (scope["method"], scope[ROUTE]) if known else ("other", "other")
                _requests.labels(method, route, str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


def router(services: Services) -> APIRouter:
    """The route."""
    routes = APIRouter()

    @routes.get(
        "/v1/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    def metrics(reach: Reached) -> Response:
        registry = CollectorRegistry()
        registry.register(_Figures(services, reach))
        text = generate_latest(registry) + (generate_latest(_REQUESTS) if reach.everything else b"")
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return routes


class _Figures:
    """A collector for one answer. A tenant is told of its people; the rest is the whole site's."""

    def __init__(self, services: Services, reach: Reach) -> None:
        self._services, self._reach = services, reach

    def collect(self) -> Iterable[Metric]:
        """Figures that are counted where they are kept."""
        site = self._services.site_file
        people = GaugeMetricFamily("isthmus_people", "People by home", labels=["home"])
        for home in (site.site.name, *(peer.name for peer in site.peer)):
            people.add_metric([home], self._services.directory.count(home=home, reach=self._reach))
        yield people
        if self._reach.everything:
            yield from self._of_the_site()

    def _of_the_site(self) -> Iterable[Metric]:
        services = self._services
        last, seq = services.directory.last_seq(), services.writer.seq
        yield GaugeMetricFamily("isthmus_directory_seq", "Last change of the directory", value=last)
        yield GaugeMetricFamily("isthmus_snapshot_behind", "Changes calls do not see yet", value=max(0, last - seq))
        up = GaugeMetricFamily("isthmus_link_up", "Whether the link to a peer is up", labels=["peer"])
        pending = GaugeMetricFamily("isthmus_link_pending", "Changes the peer has not taken yet", labels=["peer"])
        for link in services.moving.links:
            health = link.health()
            up.add_metric([health.peer], health.up)
            pending.add_metric([health.peer], health.pending)
        yield up
        yield pending
        try:
            dialogs = ask(services.site_file, "dlg.list") or ()
        except IsthmusError:
            yield GaugeMetricFamily("isthmus_sip_up", "Whether the SIP engine answers", value=0)
            return
        yield GaugeMetricFamily("isthmus_sip_up", "Whether the SIP engine answers", value=1)
        yield GaugeMetricFamily("isthmus_calls", "Calls that are up or being set up", value=len(dialogs))
