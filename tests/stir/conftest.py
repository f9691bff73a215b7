"""A test authority with a signer whose certificate is for a hundred numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from isthmus.stir import authority, passport
from isthmus.stir.fetching import roots_in
from isthmus.stir.model import Authority, Passport, Range

URL = "https://certificates.example/contoso.pem"
NOW_S = 1_800_000_000
CALLER, CALLED = "14255550101", "12065550123"


@dataclass(frozen=True)
class Signer:
    """A folder with root.pem, contoso.pem and contoso.key."""

    folder: Path
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        return (self.folder / "contoso.pem").read_bytes()

    @property
    def roots(self):
        return roots_in(self.folder / "root.pem")


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    folder = tmp_path_factory.mktemp("authority")
    authority.init(folder, "test", 3650)
    _, key = authority.issue(folder, "contoso", Authority((), (Range("14255550100", 100),)), 3650)
    return Signer(folder, passport.load_key(key.read_bytes()))


def said(**changes: object) -> Passport:
    """A PASSporT of a call that begins now."""
    fields = {"orig_tn": CALLER, "dest_tn": (CALLED,), "iat": NOW_S, "x5u": URL, "attest": "A", "origid": "one"}
    return Passport(**{**fields, **changes})  # type: ignore[arg-type]
