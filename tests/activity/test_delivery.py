"""Alerts by mail and webhook: to a real SMTP server and a real HTTP server, durable over a restart."""

from __future__ import annotations

import contextlib
import email
import hashlib
import hmac
import http.server
import json
import ssl
import threading
from collections.abc import Iterator
from email import policy
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from isthmus.activity import store
from isthmus.activity.delivery import Channel, Deliveries, Mail, Webhook
from isthmus.activity.model import Alert, Severity
from isthmus.database import open_database, reading, writing
from isthmus.database.durable import Durable
from isthmus.errors import RefusedError, UnavailableError
from isthmus.pki.rules import certificate_names
from isthmus.pki.service import CertificateAuthority
from tests.databases import migrated_sqlite
from tests.support import Loopback, wait_for

ALERT = Alert(
    id="6f0a1b2c3d",
    subject="alice@contoso.example",
    rule="premium-call",
    about="US premium",
    severity=Severity.HIGH,
    first=1_767_571_200.0,
    last=1_767_571_260.0,
    count=3,
    now="alice@contoso.example calls +19005550123, a premium or satellite number of US",
    usual="nobody here calls such numbers",
    evidence={"number": ["+19005550123"], "client": ["evil\r\nBcc: x@fabrikam.example"]},
    blocks=("calls:premium", "account"),
)


class Mailbox:
    """Takes mail, or says what a test wants it to say."""

    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.answer = "250 OK"
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.encrypted.append(session.ssl is not None)
        if self.answer.startswith("2"):
            self.mails.append(envelope)
        return self.answer


@contextlib.contextmanager
def smtp_server(address: str, mailbox: Mailbox, **options: Any) -> Iterator[int]:
    controller = Controller(mailbox, hostname=address, port=2525, **options)
    controller.start()
    try:
        yield 2525
    finally:
        controller.stop()


class Hook:
    """An HTTP server that remembers what is posted to it."""

    def __init__(self, address: str) -> None:
        self.posted: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = outer.statuses.pop(0) if outer.statuses else 204
                if status < 300:
                    outer.posted.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self.server.server_address[1]}/alerts"
        self._thread = threading.Thread(target=self.server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join()


@pytest.fixture
def hook(loopback: Loopback) -> Iterator[Hook]:
    made = Hook(loopback())
    yield made
    made.close()


def mail_to(address: str, **more: Any) -> Mail:
    settings = {"security": "none", "sender": "isthmus@contoso.example", "to": ("admin@contoso.example",), **more}
    return Mail("premises", address, 2525, **settings)


def test_a_mail_says_what_and_why_and_what_to_type(loopback: Loopback):
    address, mailbox = loopback(), Mailbox()
    with smtp_server(address, mailbox):
        mail_to(address).send(ALERT, "d1")

    (envelope,) = mailbox.mails
    assert envelope.rcpt_tos == ["admin@contoso.example"], "what a client calls itself adds nobody"
    message = email.message_from_bytes(envelope.content, policy=policy.default)
    assert message["Subject"] == "[premises] high: premium-call: alice@contoso.example"
    assert message["Bcc"] is None
    text = message.get_body().get_content()
    assert ALERT.summary in " ".join(text.split())
    assert "isthmus activity block alice@contoso.example calls:premium" in text
    assert "isthmus activity false-alarm 6f0a1b2c3d" in text


def test_a_password_is_sent_only_once_the_line_is_encrypted(loopback: Loopback, tmp_path: Path):
    address, mailbox = loopback(), Mailbox()
    authority = CertificateAuthority.create(tmp_path / "ca")
    certificate = tmp_path / "mail.pem"
    certificate.write_bytes(authority.issue(certificate_names("mail.contoso.example", address), 2))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    seen: list[tuple[bytes, bytes]] = []

    def authenticator(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"secret", handled=False)

    options = {"tls_context": context, "authenticator": authenticator, "auth_require_tls": True, "auth_required": True}
    ca = tmp_path / "ca" / "ca.pem"
    with smtp_server(address, mailbox, **options):
        mail_to(address, security="starttls", user="isthmus", password=lambda: "secret", ca_file=ca).send(ALERT, "d1")
        with pytest.raises(UnavailableError, match="user and password"):
            mail_to(address, security="starttls", user="isthmus", password=lambda: "no", ca_file=ca).send(ALERT, "d")
        with pytest.raises(UnavailableError, match="CERTIFICATE"):
            mail_to(address, security="starttls", user="isthmus", password=lambda: "secret").send(ALERT, "d")
    assert mailbox.encrypted == [True]
    assert seen[0] == (b"isthmus", b"secret")
    assert set(seen[1:]) == {(b"isthmus", b"no")}


@pytest.mark.parametrize(("answer", "error"), [("451 later", UnavailableError), ("554 never", RefusedError)])
def test_a_refusal_for_good_is_told_from_one_for_now(loopback: Loopback, answer: str, error: type[Exception]):
    address, mailbox = loopback(), Mailbox()
    mailbox.answer = answer
    with smtp_server(address, mailbox), pytest.raises(error):
        mail_to(address).send(ALERT, "d1")
    with pytest.raises(UnavailableError):
        mail_to(address).send(ALERT, "d1")  # nobody there any more


def test_a_webhook_is_signed_and_no_redirect_is_followed(hook: Hook):
    webhook = Webhook("premises", hook.url, lambda: "shared secret", clock=lambda: 1_767_571_300.0)
    webhook.send(ALERT, "d1")
    ((headers, body),) = hook.posted
    told = json.loads(body)
    assert (told["delivery"], told["alert"]["id"], told["site"]) == ("d1", ALERT.id, "premises")
    assert headers["idempotency-key"] == "d1"
    expected = hmac.new(b"shared secret", b"1767571300." + body, hashlib.sha256).hexdigest()
    assert headers["isthmus-signature"] == f"t=1767571300,v1={expected}"

    for status, error in ((302, RefusedError), (404, RefusedError), (503, UnavailableError), (429, UnavailableError)):
        hook.statuses = [status]
        with pytest.raises(error):
            webhook.send(ALERT, "d2")
    assert len(hook.posted) == 1


def test_what_is_to_be_told_is_told_after_failures_and_a_restart(hook: Hook, tmp_path: Path):
    url = migrated_sqlite(tmp_path / "site.db")
    engine = open_database(url)
    channels: dict[str, Channel] = {"webhook": Webhook("premises", hook.url, lambda: "s")}
    with writing(engine) as connection:
        body = msgspec.json.encode(ALERT).decode()
        rows = [{"id": f"d{n}", "channel": "webhook", "body": body, "made_ms": n} for n in range(5)]
        store.add_deliveries(connection, rows)
        store.add_deliveries(connection, rows)
    hook.statuses = [503] * 200

    def run(until: str, answered: int) -> None:
        durable = Durable(url)
        deliveries = Deliveries(
            engine, channels, durable, watch_s=0.05, back_off_s=(0.02,), clock=lambda: 10.0, patience_s=60
        )
        durable.start()
        deliveries.start()
        try:
            wait_for(lambda: len(hook.statuses) <= answered, 20, until)
        finally:
            deliveries.stop()
            durable.stop()

    run("some tries in vain", 190)
    assert hook.posted == []
    hook.statuses = []
    durable = Durable(url)
    deliveries = Deliveries(engine, channels, durable, watch_s=0.05, back_off_s=(0.02,), clock=lambda: 10.0)
    durable.start()
    deliveries.start()
    try:
        wait_for(lambda: {json.loads(body)["delivery"] for _, body in hook.posted} == {f"d{n}" for n in range(5)}, 20)
        with reading(engine) as connection:
            wait_for(lambda: not store.open_deliveries(connection, "webhook", 10) or connection.rollback(), 10)
    finally:
        deliveries.stop()
        durable.stop()
    engine.dispose()


def test_a_delivery_is_given_up_after_a_day_and_says_why(hook: Hook, tmp_path: Path):
    url = migrated_sqlite(tmp_path / "site.db")
    engine = open_database(url)
    hook.statuses = [503] * 10
    with writing(engine) as connection:
        body = msgspec.json.encode(ALERT).decode()
        store.add_deliveries(connection, [{"id": "d", "channel": "webhook", "body": body, "made_ms": 0}])
    durable = Durable(url)
    channels: dict[str, Channel] = {"webhook": Webhook("premises", hook.url, lambda: "s")}
    deliveries = Deliveries(engine, channels, durable, watch_s=0.05, clock=lambda: 90_000.0)
    durable.start()
    deliveries.start()

    def row() -> Any:
        with reading(engine) as connection:
            return store.get_delivery(connection, "d")

    try:
        wait_for(lambda: row()["done"], 60, "the end")
    finally:
        deliveries.stop()
        durable.stop()
    assert not row()["delivered"]
    assert "503" in row()["note"]
    engine.dispose()
