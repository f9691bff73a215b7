"""OpenID providers for tests, over TLS on loopback: a real one, and one that says whatever a test wants."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from isthmus.pki.rules import certificate_names
from isthmus.pki.service import CertificateAuthority

CLIENT = "isthmus"
PORT = 8443


@contextmanager
def served(app: Any, folder: Path, address: str) -> Iterator[Path]:
    """The app at https://address:8443; gives the file of the authority that signed its certificate."""
    authority = CertificateAuthority.create(folder / "ca", "Test CA")
    pem = folder / "server.pem"
    pem.write_bytes(authority.issue(certificate_names("idp.contoso.example", address), 30))
    server = make_server(address, PORT, app, threaded=True, ssl_context=(str(pem), str(pem)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield folder / "ca" / "ca.pem"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Forger:
    """A provider whose answers a test can change. claims: what an honest ID token would be changed by.

    sign: makes the token of the claims. asked: what the token endpoint was sent last.
    """

    def __init__(self, issuer: str) -> None:
        self.issuer, self.keys = issuer, [RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})]
        self.claims: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        self.about: dict[str, Any] = {}
        self.asked: dict[str, str] = {}
        self.nonce = ""
        self.key_requests = 0

    def signed(self, claims: dict[str, Any]) -> str:
        key = self.keys[-1]
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    def sees(self, address: str) -> dict[str, str]:
        """The browser comes by with this address; what it is sent back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        self.nonce = asked["nonce"]
        return {"code": "a-code", "state": asked["state"]}

    def token(self) -> str:
        now = int(time.time())
        honest = {"iss": self.issuer, "aud": CLIENT, "sub": "s-1", "nonce": self.nonce, "iat": now, "exp": now + 300}
        changed = {**honest, **self.claims}
        return self.sign({name: value for name, value in changed.items() if value is not None})

    def __call__(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        if request.path == "/.well-known/openid-configuration":
            told = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
                **self.about,
            }
        elif request.path == "/jwks":
            self.key_requests += 1
            told = {"keys": [key.as_dict(private=False) for key in self.keys]}
        else:
            self.asked = request.form.to_dict()
            told = {"id_token": self.token(), "access_token": "x", "token_type": "Bearer"}
        return Response(json.dumps(told), mimetype="application/json")(environ, start)
