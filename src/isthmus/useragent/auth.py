"""Digest credentials, the client's side (RFC 7616, RFC 8760)."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from itertools import count

from isthmus.useragent.message import Header, Response

_HASHES = {"md5": hashlib.md5, "sha-256": hashlib.sha256}
_PARAMETER = re.compile(r'([a-zA-Z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_COUNT = count(1)


def parameters(value: str) -> dict[str, str]:
    """The parameters of a Digest challenge or of credentials, names in lower case, quotes removed."""
    return {name.lower(): quoted or bare for name, quoted, bare in _PARAMETER.findall(value.partition(" ")[2])}


def answer(
    response: Response,
    method: str,
    uri: str,
    username: str,
    password: str,
    algorithms: Sequence[str] = ("SHA-256", "MD5"),
) -> Header | None:
    """The header that answers a 401 or 407, None if none of its challenges can be.

    algorithms: the ones this client speaks; of the challenges, the topmost that it speaks is taken
    (RFC 8760 section 2.4).
    """
    proxy = response.code == 407
    wanted = "proxy-authenticate" if proxy else "www-authenticate"
    challenges = [value for name, value in response.headers if name.lower() == wanted]
    value = credentials(challenges, method, uri, username, password, algorithms)
    return None if value is None else ("Proxy-Authorization" if proxy else "Authorization", value)


def credentials(
    challenges: Sequence[str],
    method: str,
    uri: str,
    username: str,
    password: str,
    algorithms: Sequence[str] = ("SHA-256", "MD5"),
) -> str | None:
    """The value of the header that answers one of these challenges, None where none can be: see `answer`."""
    known = [name.lower() for name in algorithms]
    for value in challenges:
        challenge = parameters(value)
        if challenge.get("algorithm", "MD5").lower() in known and value.lower().startswith("digest"):
            return _credentials(challenge, method, uri, username, password)
    return None


def _credentials(challenge: dict[str, str], method: str, uri: str, username: str, password: str) -> str:
    algorithm = challenge.get("algorithm", "MD5")
    make = _HASHES[algorithm.lower()]

    def hashed(text: str) -> str:
        return make(text.encode()).hexdigest()

    realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
    ha1 = hashed(f"{username}:{realm}:{password}")
    ha2 = hashed(f"{method}:{uri}")
    fields = [f'username="{username}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"']
    if "auth" in [word.strip() for word in challenge.get("qop", "").split(",")]:
        nc, cnonce = f"{next(_COUNT):08x}", secrets.token_hex(8)
        digest = hashed(f"{ha1}:{nonce}:{nc}:{cnonce}:auth:{ha2}")
        fields += [f"nc={nc}", f'cnonce="{cnonce}"', "qop=auth"]
    else:
        digest = hashed(f"{ha1}:{nonce}:{ha2}")
    fields += [f'response="{digest}"', f"algorithm={algorithm}"]
    if "opaque" in challenge:
        fields.append(f'opaque="{challenge["opaque"]}"')
    return "Digest " + ", ".join(fields)
