"""Signing in, and knowing who asks: what they cost beside the hashing alone, and beside no question at all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from bench import people
from bench.model import Aim, Figure, Scale
from isthmus.access import rules as access
from isthmus.access.model import Principal, Proof, Scope, Way
from isthmus.database import migrate, open_database
from isthmus.directory.service import Directory
from isthmus.identity.build import Identity, build_identity
from isthmus.identity.model import Client, Settings
from isthmus.identity.sealing import Passwords

_PASSWORD = "a heron on the jetty at noon"
_BARE_MOST = 1.5  # a sign-in is to cost little more than its one hash
_ASKING_MS = 10.0


def measure(scale: Scale) -> list[Figure]:
    """Sign-ins by password with a new session each, and reads by API token."""
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        bench = _Bench(Path(folder))
        try:
            sign_ins = [(bench.sign_in(scale.writes), bench.hash(scale.writes)) for _ in range(scale.rounds)]
            count = scale.writes * 20
            tokens = [(bench.ask(count), bench.read(count)) for _ in range(scale.rounds)]
        finally:
            bench.engine.dispose()
    return [
        Figure.of(
            "signin.password",
            "One sign-in by password, session and audit entry included",
            "ms",
            sign_ins,
            "argon2id alone (64 MiB, 3 passes, 4 lanes)",
            Aim("ratio", _BARE_MOST),
            "one after another; four at most hash at a time",
        ),
        Figure.of(
            "signin.token",
            "Who shows this API token, and may they",
            "ms",
            tokens,
            "one look at the directory",
            Aim("value", _ASKING_MS),
        ),
    ]


@dataclass
class _Bench:
    """Accounts beside an empty directory."""

    folder: Path

    def __post_init__(self) -> None:
        url = f"sqlite:///{self.folder / 'bench.db'}"
        migrate(url)
        self.engine: Engine = open_database(url)
        self.directory = Directory(self.engine, site="premises", homes=people.SITES)
        self.directory.create_tenant("main", actor="bench")
        self.identity: Identity = build_identity(
            self.engine,
            key_file=self.folder / "identity.key",
            tenant="main",
            fqdn="premises.contoso.example",
            port=8443,
            settings=Settings(),
        )
        operator = Principal("operator", "operator", "bench", None, Proof(Way.LOCAL))
        self.identity.accounts.create(operator, "anna", password=_PASSWORD, roles=[("global", Scope())])
        _, self.secret = self.identity.own.create_token(operator, "bench", ["person.read"], 3600, "anna")
        self.passwords = Passwords()
        self.stored = self.passwords.hash(_PASSWORD)

    def sign_in(self, count: int) -> float:
        """Milliseconds each."""
        return _each_ms(count, lambda: self.identity.sign_in.begin("anna", _PASSWORD, Client("192.0.2.1")))

    def hash(self, count: int) -> float:
        """Milliseconds each."""
        return _each_ms(count, lambda: self.passwords.right(self.stored, _PASSWORD))

    def ask(self, count: int) -> float:
        """Milliseconds each."""
        return _each_ms(count, lambda: access.reach(self.identity.own.by_token(self.secret), "person.read"))

    def read(self, count: int) -> float:
        """Milliseconds each."""
        return _each_ms(count, self.directory.last_seq)


def _each_ms(count: int, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(count):
        work()
    return (time.perf_counter() - began) / count * 1000
