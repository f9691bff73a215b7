"""Delivers what there is to tell, durably: by mail and by webhook, to where the site file says and nowhere else.

Each delivery is a row and a workflow (database.durable). A server that does not answer is asked again, less and less
often, for a day; then the delivery is given up, and its note says why.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx
import msgspec
from sqlalchemy import Engine

from isthmus.activity import store, telling
from isthmus.activity.model import Alert
from isthmus.database import reading, writing
from isthmus.database.durable import Durable
from isthmus.errors import IsthmusError, RefusedError, UnavailableError
from isthmus.site.background import Repeating

_log = logging.getLogger(__name__)

_NAME = "activity-tell"
_BACK_OFF_S = (1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
_PATIENCE_S = 86_400.0
_TIMEOUT_S = 20.0
_AT_ONCE = 2  # of each channel: one that is down for a day must not take the threads that moves need
_alert_from = msgspec.json.Decoder(Alert)


class Channel(Protocol):
    """One way of telling. Raises UnavailableError to be asked again, RefusedError where that is of no use."""

    def send(self, alert: Alert, delivery: str) -> None: ...


@dataclass(frozen=True)
class Mail:
    """By SMTP. security: `tls` from the first byte, `starttls` before anything is said, `none` for this machine's own.

    password: asked for at each use. ca_file: authorities that sign the server's certificate; None: the system's.
    """

    site: str
    host: str
    port: int
    security: str
    sender: str
    to: tuple[str, ...]
    user: str = ""
    password: Callable[[], str] = lambda: ""
    ca_file: Path | None = None
    time_zone: str = "UTC"

    def send(self, alert: Alert, delivery: str) -> None:
        """Hand the mail to the server."""
        message = telling.mail(
            alert, site=self.site, sender=self.sender, to=self.to, time_zone=self.time_zone, delivery=delivery
        )
        where = f"{self.host}:{self.port}"
        try:
            with self._connected() as server:
                if self.user:
                    server.login(self.user, self.password())
                server.send_message(message, self.sender, list(self.to))
        except smtplib.SMTPAuthenticationError as error:
            # Not for good: whoever reads this log puts the password right.
            raise UnavailableError("the mail server does not take user and password", where=where) from error
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else ""
            kind = RefusedError if 500 <= error.smtp_code < 600 else UnavailableError
            raise kind(f"the mail server said {error.smtp_code} {said}", where=where) from error
        except smtplib.SMTPRecipientsRefused as error:
            codes = {code for code, _ in error.recipients.values()}
            kind = RefusedError if all(code >= 500 for code in codes) else UnavailableError
            raise kind(f"the mail server takes none of the addresses ({sorted(codes)})", where=where) from error
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError(f"the mail server does not take the mail ({error})", where=where) from error

    def _connected(self) -> smtplib.SMTP:
        trust = ssl.create_default_context(cafile=self.ca_file)
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=_TIMEOUT_S, context=trust)
        server = smtplib.SMTP(self.host, self.port, timeout=_TIMEOUT_S)
        if self.security == "starttls":
            try:
                server.starttls(context=trust)
            except BaseException:
                server.close()
                raise
        return server


@dataclass(frozen=True)
class Webhook:
    """By HTTP POST to one URL, signed. Nothing an alert holds decides where that is, and no redirect is followed."""

    site: str
    url: str
    secret: Callable[[], str]
    ca_file: Path | None = None
    clock: Callable[[], float] = time.time

    def send(self, alert: Alert, delivery: str) -> None:
        """Post it."""
        body = telling.webhook(alert, site=self.site, delivery=delivery)
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": delivery,
            "Isthmus-Signature": telling.signature(self.secret().encode(), int(self.clock()), body),
            "User-Agent": "Isthmus",
        }
        trust = ssl.create_default_context(cafile=self.ca_file)
        try:
            with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False, verify=trust) as client:
                answer = client.post(self.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise UnavailableError(f"the webhook does not answer ({error})", where=self.url) from error
        if answer.is_success:
            return
        again = answer.status_code >= 500 or answer.status_code in (408, 425, 429)
        kind = UnavailableError if again else RefusedError
        raise kind(f"the webhook answered {answer.status_code}", where=self.url)


class Deliveries:
    """Works on what `store.add_deliveries` wrote. `durable` is started after this is made, and stopped after `stop`."""

    def __init__(
        self,
        engine: Engine,
        channels: Mapping[str, Channel],
        durable: Durable,
        *,
        watch_s: float = 2.0,
        back_off_s: tuple[float, ...] = _BACK_OFF_S,
        patience_s: float = _PATIENCE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._channels, self._durable = engine, channels, durable
        self._back_off_s, self._patience_s, self._clock = back_off_s, patience_s, clock
        self._stop = threading.Event()
        self._watcher = Repeating("activity: look for what there is to tell", self._look, watch_s)
        durable.add(_NAME, self._drive)

    def start(self) -> None:
        """Look after deliveries that nobody works on."""
        self._watcher.start()

    def stop(self) -> None:
        """End; what is not delivered is taken up at the next start."""
        self._stop.set()
        self._watcher.stop()

    def wake(self) -> None:
        """There is something to tell."""
        self._watcher.wake()

    def _look(self) -> None:
        with reading(self._engine) as connection:
            waiting = [row for name in self._channels for row in store.open_deliveries(connection, name, _AT_ONCE)]
        for row in waiting:
            if not self._stop.is_set() and self._durable.forsaken(f"tell:{row['id']}:{row['attempt']}"):
                attempt = int(row["attempt"]) + 1
                with writing(self._engine) as connection:
                    store.set_delivery(connection, row["id"], attempt=attempt)
                self._durable.begin(_NAME, f"tell:{row['id']}:{attempt}", row["id"], attempt)

    def _drive(self, id_: str, attempt: int) -> None:
        """The workflow: one step, which can be repeated, since a telling bears the id of its delivery."""
        self._durable.step("deliver", self._deliver, id_, attempt)

    def _deliver(self, id_: str, attempt: int) -> bool:
        tries = 0
        while not self._stop.is_set():
            with reading(self._engine) as connection:
                row = store.get_delivery(connection, id_)
            if row is None or row["done"] or row["attempt"] != attempt:
                return False
            note, final = self._try(row["channel"], row["body"], id_)
            final = final or self._clock() - row["made_ms"] / 1000 > self._patience_s
            if not note or final or note != row["note"]:
                with writing(self._engine) as connection:
                    store.set_delivery(connection, id_, done=not note or final, delivered=not note, note=note)
            if not note:
                return True
            if final:
                _log.error("activity alert %s was not delivered: %s", id_, note)
                return False
            self._stop.wait(self._back_off_s[min(tries, len(self._back_off_s) - 1)])
            tries += 1
        return False

    def _try(self, channel: str, body: str, id_: str) -> tuple[str, bool]:
        """Why it could not be delivered, empty where it was; and whether that is for good."""
        way = self._channels.get(channel)
        if way is None:
            return f"the site file has no {channel} any more", True
        try:
            way.send(_alert_from.decode(body), id_)
        except UnavailableError as error:
            return str(error), False
        except IsthmusError as error:
            return str(error), True
        except Exception as error:
            _log.exception("activity: telling %s by %s", id_, channel)
            return f"{type(error).__name__}: {error}", True
        return "", True
