"""What makes a connector need nobody on its machine: it asks online for its orders, obeys, and tells how it is.

It runs beside the supervisor, so that it outlives every engine and the control service, and can start them anew. It
asks through haproxy's way to online, as all else does: by mutual TLS, name verified. Nobody ever asks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from isthmus.connectors import enrolling
from isthmus.connectors.local import Folder
from isthmus.engines.kamailio import trunks
from isthmus.engines.kamailio.bulk import ask
from isthmus.errors import IsthmusError
from isthmus.link.client import LinkDownError, PeerClient
from isthmus.pki import store
from isthmus.pki.model import Expiry
from isthmus.pki.service import request_pem
from isthmus.site import certificates, exchanging, internal
from isthmus.site.background import Repeating
from isthmus.site.file import SiteFile
from isthmus.site.supervisor import Supervisor

_log = logging.getLogger(__name__)
_WAIT_S = 20.0  # how long online may hold back its answer, where it has nothing new
_REPORT_S = 10.0
_CERTIFICATE_S = 30.0
_BACK_OFF_S = (1.0, 2.0, 5.0)
_UP_S = 45.0  # within which the engines have to be up with new settings
CALLS_END_S = 300.0
"""How long calls that are up are waited for, before what would cut them is done all the same."""


class Updater(Protocol):
    """Brings the connector to other versions (site/renewing.py)."""

    def report(self) -> dict[str, Any]: ...

    def ordered(self, version: str, sha256: str) -> None: ...

    def work(self) -> None: ...


_UPDATE_S = 1.0


class Agent:
    """One connector's agent. updater: None where versions are not its own to change.

    notify: told each change in words a person can read. report_s, certificate_s: seconds between looks.
    """

    def __init__(
        self,
        folder: Folder,
        site: SiteFile,
        version: str,
        notify: Callable[[str], None],
        *,
        updater: Callable[[Agent], Updater | None] = lambda _: None,
        report_s: float = _REPORT_S,
        certificate_s: float = _CERTIFICATE_S,
        calls_end_s: float = CALLS_END_S,
    ) -> None:
        self._folder, self._site, self._version, self._notify = folder, site, version, notify
        self._calls_end_s = calls_end_s
        self._online = PeerClient(site.upstream, internal.link_out_socket(site, site.upstream))
        self._in_force = folder.settings()[0]
        self._refused = ("", "")  # revision, and why
        self._phase = ""
        self._heard = False
        self._stopping = threading.Event()
        self._updater = updater(self)
        self._asking = threading.Thread(target=self._ask_for_orders, name="orders", daemon=True)
        self._reporting = Repeating("report", self._report, report_s)
        self._renewing = Repeating("renew the certificate", self._renew_certificate, certificate_s)
        self._updating = Repeating("update", self._updater.work, _UPDATE_S) if self._updater else None
        self._supervisor: Supervisor | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin, beside this supervisor; on its event loop."""
        self._supervisor, self._loop = supervisor, asyncio.get_running_loop()
        self._asking.start()
        self._reporting.start()
        self._renewing.start()
        if self._updating is not None:
            self._updating.start()

    def stop(self) -> None:
        """End; what is under way is not waited for longer than a moment."""
        self._stopping.set()
        for job in (self._reporting, self._renewing, self._updating):
            if job is not None:
                job.stop()
        self._asking.join(2)
        self._online.close()

    @property
    def healthy(self) -> bool:
        """Whether all that runs here answers."""
        return self._supervisor is not None and self._supervisor.ready

    @property
    def well(self) -> bool:
        """Whether, besides, online has been heard since the start: a version that can't hear it is no good."""
        return self.healthy and self._heard

    @property
    def online(self) -> PeerClient:
        """The way to the site that the connector belongs to."""
        return self._online

    def end(self) -> None:
        """Let the whole connector end, to be started again by what started it."""
        if self._loop is not None and self._supervisor is not None:
            self._loop.call_soon_threadsafe(self._supervisor.stop)

    def calls(self) -> int | None:
        """Calls that are up or being set up; None when Kamailio does not say."""
        try:
            return int(ask(self._site, "dlg.stats_active")["all"])
        except (IsthmusError, KeyError, TypeError, ValueError):
            return None

    def tell_now(self) -> None:
        """Report soon."""
        self._reporting.wake()

    def _ask_for_orders(self) -> None:
        known, failures, said = "", 0, ""
        while not self._stopping.is_set():
            try:
                path = f"/link/connector/orders?known={known}&wait_s={_WAIT_S}"
                told = self._online.get(path, timeout_s=_WAIT_S + 10)
                known, failures, said, self._heard = str(told["edition"]), 0, "", True
                self._obey(told)
            except Exception as error:
                if str(error) != said and failures:
                    self._notify(f"no orders from {self._site.upstream}: {error}")
                    said = str(error)
                if not isinstance(error, IsthmusError):
                    _log.exception("orders")
                self._stopping.wait(_BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)])
                failures += 1

    def _obey(self, told: Mapping[str, Any]) -> None:
        self._take(str(told["revision"]), dict(told["settings"]))
        if self._updater is not None:
            self._updater.ordered(str(told.get("version") or ""), str(told.get("sha256") or ""))
        self.tell_now()

    def _take(self, revision: str, settings: dict[str, Any]) -> None:
        """Work by other settings, if they can be worked by."""
        if revision == self._in_force:
            self._refused = ("", "")
        if revision in (self._in_force, self._refused[0]):
            return
        before = self._folder.settings()
        try:
            after = self._folder.composed(settings)
            exchanging.checked(after)
            if exchanging.cuts_media(self._site, after):
                self._let_calls_end()
            self._folder.work_by(revision, settings)
            if after != self._site:
                self._exchange(after)
        except IsthmusError as error:
            self._refuse(revision, str(error), before)
            return
        if not self._comes_up():
            self._refuse(revision, "the engines do not come up with it: " + "; ".join(self._trouble()), before)
            return
        self._in_force, self._refused = revision, ("", "")
        self._notify(f"works by settings {revision}")

    def _refuse(self, revision: str, why: str, before: tuple[str, dict[str, Any]]) -> None:
        self._refused = (revision, why)
        self._notify(f"does not take settings {revision}: {why}")
        if self._folder.settings() != before or self._folder.composed(before[1]) != self._site:
            site = self._folder.work_by(*before)
            with contextlib.suppress(IsthmusError):
                self._exchange(site)

    def _exchange(self, site: SiteFile) -> None:
        kids, names = exchanging.prepared(self._site, site)
        self._site = site
        if self._loop is not None and self._supervisor is not None:
            doing = self._supervisor.exchange(site, kids, names)
            asyncio.run_coroutine_threadsafe(doing, self._loop).result(_UP_S)

    def _comes_up(self) -> bool:
        deadline = time.monotonic() + _UP_S
        while time.monotonic() < deadline and not self._stopping.wait(0.5):
            if self.healthy:
                return True
        return False

    def _let_calls_end(self) -> None:
        self._phase = "draining"
        self.tell_now()
        try:
            deadline = time.monotonic() + self._calls_end_s
            while self.calls() and time.monotonic() < deadline and not self._stopping.wait(0.5):
                pass
        finally:
            self._phase = ""

    def _trouble(self) -> list[str]:
        return self._supervisor.trouble if self._supervisor is not None else []

    def _report(self) -> None:
        if self._supervisor is None:
            return
        certificate = certificates.status(self._site)
        found = trunks.states(self._site, lambda *words: ask(self._site, *words))
        report = {
            "version": self._version,
            "ok": self.healthy,
            "in_force": self._in_force,
            "refused": f"{self._refused[0]}: {self._refused[1]}"[:2000] if self._refused[0] else "",
            "phase": self._phase,
            "calls": self.calls(),
            "capacity": self._folder.capacity(),
            "certificate_until": certificate.not_after.timestamp() if certificate else 0,
            "trunks": [{"name": each["name"], "state": each["state"], "calls": each["calls"]} for each in found],
            "trouble": [text[:2000] for text in self._trouble()[:20]],
            **(self._updater.report() if self._updater is not None else {}),
        }
        with contextlib.suppress(LinkDownError):  # told by who asks for orders
            self._online.post("/link/connector/report", report)

    def _renew_certificate(self) -> None:
        """Ask for another certificate with a third of the lifetime left, by another key."""
        if (until := renewed(self._site, functools.partial(self._online.post, timeout_s=10.0))) is None:
            return
        with contextlib.suppress(IsthmusError):  # haproxy that does not answer reads it when it starts
            certificates.reload(self._site)
        self._notify(f"has a new certificate, until {until}")
        self.tell_now()


def renewed(site: SiteFile, ask: Callable[[str, Any], Any], now: datetime | None = None) -> datetime | None:
    """Until when the certificate is good that took the place of the old one; None where it is not time yet.

    ask: sends to online and gives its answer. Where that does not answer the old one stays; raises LinkDownError.
    """
    status = certificates.status(site, now)
    if status is None or status.expiry is Expiry.GOOD:
        return None
    key = ec.generate_private_key(ec.SECP256R1())
    request = request_pem(site.site.name, key).decode("ascii")
    answer = ask("/link/connector/certificate", {"request": request})
    pem = str(answer["certificate"]).encode("ascii")
    enrolling.checked_certificate(pem, key, site.site.fqdn)
    ca = internal.ca_certificate(site)
    path = internal.site_certificate(site)
    enrolling.install_certificate(site.pki_dir, ca.read_bytes(), pem, key, path, ca)
    return store.describe(store.parse_certificate(pem, "pem")).not_after
