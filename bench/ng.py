"""rtpengine's control protocol ng: bencoded questions and answers in datagrams, behind a cookie."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

from isthmus.site import internal
from isthmus.site.file import SiteFile

Value = str | int | Sequence[str] | Mapping[str, str]
_TIMEOUT_S = 5.0
_MOST_CALLS = 100_000


def of(site: SiteFile) -> tuple[str, int]:
    """Where the relay of a site is asked."""
    return site.site.internal_address, internal.RTPENGINE_NG


def ask(at: tuple[str, int], command: str, **fields: Value) -> dict[str, Any]:
    """One question and its answer. A `_` in a field's name is a blank, or a hyphen where it stands twice.

    Raises OSError without an answer, and RuntimeError with what rtpengine says against it.
    """
    question: dict[str, Value] = {"command": command}
    question |= {name.replace("__", "-").replace("_", " "): value for name, value in fields.items()}
    cookie = secrets.token_hex(8).encode()
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.settimeout(_TIMEOUT_S)
        client.connect(at)
        client.send(cookie + b" " + encode(question))
        while not (data := client.recv(1 << 16)).startswith(cookie):
            pass
    answer = decode(data[len(cookie) + 1 :])
    if not isinstance(answer, dict) or answer.get("result") not in ("ok", "pong"):
        raise RuntimeError(f"rtpengine answers {command} with {answer}")
    return answer


def sessions(at: tuple[str, int]) -> list[str]:
    """The names of all sessions there are."""
    return [str(name) for name in ask(at, "list", limit=_MOST_CALLS)["calls"]]


def encode(value: Any) -> bytes:
    """Bencoding of text, whole numbers, lists and dictionaries."""
    if isinstance(value, str):
        data = value.encode()
        return b"%d:%s" % (len(data), data)
    if isinstance(value, int):
        return b"i%de" % value
    if isinstance(value, Mapping):
        return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"
    return b"l" + b"".join(encode(each) for each in value) + b"e"


def decode(data: bytes) -> Any:
    """The one value that these bytes hold. Raises ValueError for anything else."""
    value, rest = _decode(data)
    if rest:
        raise ValueError(f"{len(rest)} bytes too many")
    return value


def _decode(data: bytes) -> tuple[Any, bytes]:
    kind = data[:1]
    if kind == b"i":
        number, _, rest = data[1:].partition(b"e")
        return int(number), rest
    if kind in (b"l", b"d"):
        found, rest = [], data[1:]
        while not rest.startswith(b"e"):
            value, rest = _decode(rest)
            found.append(value)
        return (found if kind == b"l" else dict(zip(found[::2], found[1::2], strict=True))), rest[1:]
    length, _, rest = data.partition(b":")
    if not length.isdigit() or len(rest) < int(length):
        raise ValueError(f"no bencoding: {data[:20]!r}")
    return rest[: int(length)].decode(), rest[int(length) :]
