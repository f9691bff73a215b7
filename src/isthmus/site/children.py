"""The processes of a site: how each is made ready, started and asked whether it works."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from isthmus.engines import coturn, haproxy, kamailio, rtpengine
from isthmus.engines.kamailio import config as kamailio_config
from isthmus.site import health, holding
from isthmus.site.file import SiteFile


@dataclass(frozen=True, slots=True)
class Child:
    """One process. prepare: writes its configuration. probe: raises IsthmusError while it does not answer."""

    name: str
    command: list[str]
    prepare: Callable[[], None]
    probe: Callable[[], None]


def children(site: SiteFile, *, fd_limit: int) -> list[Child]:
    """The site's processes in the order of starting; they are stopped in the opposite order."""

    held: list[object] = []  # as long as the children may be started again

    def prepare_control() -> None:
        held.extend(holding.hold(site.database_files))

    def prepare_kamailio() -> None:
        kamailio.prepare(site)
        held.extend(holding.hold([kamailio_config.location_file(site)]))

    control = [sys.executable, "-m", "isthmus.site.control", str(site.path)]
    found = [Child("control", control, prepare_control, lambda: health.control(site))]
    if site.media.relay != "never":
        found.append(
            Child(
                "rtpengine",
                rtpengine.command(site),
                lambda: rtpengine.prepare(site),
                lambda: health.rtpengine(site),
            )
        )
    if site.turn.enabled:
        found.append(Child("coturn", coturn.command(site), lambda: coturn.prepare(site), lambda: health.coturn(site)))
    found.append(Child("kamailio", kamailio.command(site), prepare_kamailio, lambda: health.kamailio(site)))
    found.append(
        Child(
            "haproxy",
            haproxy.command(site),
            lambda: haproxy.prepare(site, fd_limit=fd_limit),
            lambda: health.haproxy(site),
        )
    )
    return found
