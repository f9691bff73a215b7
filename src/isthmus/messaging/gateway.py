"""MESSAGE from a phone (RFC 3428): it becomes a message of the conversation, as if it were written in a page.

The same request, sent again or repeated by the network, has the same id, and so is there once.
"""

from __future__ import annotations

import math
import secrets
import uuid
from collections.abc import Callable, Sequence

from isthmus.errors import ForbiddenError, IsthmusError, NotFoundError, TooManyError, UnavailableError, UsageError
from isthmus.messaging import rules, texts
from isthmus.messaging.asking import Asking
from isthmus.messaging.model import MOST_TEXT
from isthmus.messaging.service import Messaging
from isthmus.useragent.message import Header, Request, Response, response_to

PERSON, CONTROL = "X-Isthmus-Person", "X-Isthmus-Control"
_WRITTEN = uuid.UUID("5c5a0f4c-7a83-5f0e-8c92-4f2fd0a0b7f6")
_LATER_S = 10
_LATER_SPREAD_S = 20


class Gateway:
    """Answers what the SIP engine hands over. secret: by which both know each other. Safe from several threads."""

    def __init__(self, messaging: Messaging, asking: Asking, secret: Callable[[], str]) -> None:
        self._messaging, self._asking, self._secret = messaging, asking, secret

    def answer(self, request: Request) -> Response:
        """The final answer, once the message is stored."""
        secret = self._secret()
        if not secret or not secrets.compare_digest(request.get(CONTROL).encode(), secret.encode()):
            return _answer(request, 403, "Forbidden")
        if request.method != "MESSAGE":
            return _answer(request, 405, "Method Not Allowed", [("Allow", "MESSAGE")])
        if len(request.body) > texts.MOST_BYTES:
            return _answer(request, 413, "Message Too Long")
        try:
            found = texts.read(request.get("Content-Type"), request.body)
            if isinstance(found, texts.Text):
                if len(found.text.encode("utf-8", "replace")) > MOST_TEXT:
                    return _answer(request, 413, "Message Too Long")
                self._write(request, found.text)
                return _answer(request, 202, "Accepted")
            if isinstance(found, texts.Composing) and found.active:
                me = self._messaging.person_of(request.get(PERSON))
                self._types(me, aor_of(request.uri))
        except IsthmusError as error:
            return _refusal(request, error)
        return _answer(request, 200, "OK")

    def _write(self, request: Request, text: str) -> None:
        me = self._messaging.person_of(request.get(PERSON))
        body, address = {"message": message_id(me, request), "text": text}, aor_of(request.uri)
        if group := rules.group_of(address):
            self._asking.ask(me, "chat.send", {"chat": group, **body})
        else:
            self._asking.ask(me, "chat.write", {"aor": address, **body})

    def _types(self, me: str, address: str) -> None:
        if group := rules.group_of(address):
            self._asking.ask(me, "chat.typing", {"chat": group})
        else:
            self._asking.ask(me, "chat.write", {"aor": address, "typing": True})


def busy(request: Request) -> Response:
    """More is under way than can be dealt with."""
    return _answer(request, 503, "Too Many Messages", [_later()])


def failed(request: Request) -> Response:
    """Something is wrong here."""
    return _answer(request, 500, "Server Internal Error")


def message_id(author: str, request: Request) -> str:
    """Of the message that a request makes: the same whenever it comes again."""
    parts = (author, request.call_id, str(request.cseq[0]))
    return str(uuid.uuid5(_WRITTEN, "\0".join(parts).encode("utf-8", "surrogateescape").hex()))


def aor_of(uri: str) -> str:
    """The address in a Request-URI, which the SIP engine has brought to its one form."""
    return uri.partition(":")[2].partition(";")[0].partition("?")[0].lower()


def _refusal(request: Request, error: IsthmusError) -> Response:
    match error:
        case TooManyError():
            wait = str(max(1, math.ceil(error.retry_after_s)))
            return _answer(request, 503, "You Write Too Fast", [("Retry-After", wait)])
        case UnavailableError():
            return _answer(request, 503, "Messages Are Not Available Now", [_later()])
        case texts.OtherTypeError():
            return _answer(request, 415, "Unsupported Media Type", [("Accept", texts.ACCEPTED)])
        case NotFoundError():
            return _answer(request, 404, "Not Found")
        case ForbiddenError():
            return _answer(request, 403, "Forbidden")
        case UsageError():
            return _answer(request, 400, "Bad Message")
    return _answer(request, 403, "Refused")


def _later() -> Header:
    return "Retry-After", str(_LATER_S + secrets.randbelow(_LATER_SPREAD_S))


def _answer(request: Request, code: int, phrase: str, headers: Sequence[Header] = ()) -> Response:
    return response_to(request, code, phrase, to_tag=secrets.token_hex(6), headers=headers)
