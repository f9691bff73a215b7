"""The Identity header (RFC 8224 section 4). Pure."""

from __future__ import annotations

import re

import msgspec

from isthmus.stir.model import ALGORITHM, SHAKEN
from isthmus.stir.passport import MAX_TOKEN, PassportError

_MAX_HEADER = MAX_TOKEN + 1024
_TOKEN = re.compile(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")
_INFO = re.compile(r"<([^<>\s\"\\]{1,512})>")
_VALUE = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+|\"[A-Za-z0-9._-]*\"")


class Identity(msgspec.Struct, frozen=True):
    """One Identity header. info: URL of the certificate. alg: empty where it is not given."""

    token: str
    info: str
    alg: str = ""
    ppt: str = ""

    def __str__(self) -> str:
        alg = f";alg={self.alg}" if self.alg else ""
        ppt = f";ppt={self.ppt}" if self.ppt else ""
        return f"{self.token};info=<{self.info}>{alg}{ppt}"


def of_token(token: str, x5u: str) -> Identity:
    """The header that carries a SHAKEN token."""
    return Identity(token, x5u, ALGORITHM, SHAKEN)


def parse(value: str) -> Identity:
    """The header's parts. Raises PassportError."""
    if len(value) > _MAX_HEADER:
        raise PassportError(f"the header has more than {_MAX_HEADER} characters")
    token, _, rest = value.strip().partition(";")
    token = token.strip()
    if not _TOKEN.fullmatch(token):
        raise PassportError("the header does not begin with a token")
    given = _parameters(rest)
    info = _INFO.fullmatch(given.get("info", ""))
    if info is None:
        raise PassportError("the header has no info=<URL>")
    return Identity(token, info[1], given.get("alg", "").strip('"'), given.get("ppt", "").strip('"'))


def _parameters(rest: str) -> dict[str, str]:
    given: dict[str, str] = {}
    # No URL between < and > may be torn at its own semicolons.
    for each in re.split(r";(?![^<]*>)", rest):
        name, _, value = (part.strip() for part in each.partition("="))
        name = name.lower()
        if name in given:
            raise PassportError(f"the header has {name} twice")
        if name != "info" and not _VALUE.fullmatch(value):
            raise PassportError("the header has a parameter that can't be read")
        given[name] = value
    return given
