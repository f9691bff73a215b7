"""Bindings go along with people between sites whose clocks differ. In memory; test_handover.py has the real thing."""

from __future__ import annotations

import json

import pytest

from isthmus.addressing import Aor
from isthmus.registration.memory import MemoryRegistrar
from isthmus.registration.model import Binding
from isthmus.registration.service import RegistrationParticipant

ALICE = Aor.parse("alice@contoso.example")
NOW = 1_800_000_000.0


class Site:
    """A registrar and its part in the move, by a clock that is so many seconds ahead."""

    def __init__(self, ahead_s: float) -> None:
        self.ahead_s, self.passed_s = ahead_s, 0.0
        self.registrar = MemoryRegistrar(self.clock)
        self.part = RegistrationParticipant(self.registrar, "site.contoso.example:5062", self.clock, self.sleep)

    def clock(self) -> float:
        return NOW + self.ahead_s + self.passed_s

    def sleep(self, seconds: float) -> None:
        self.passed_s += seconds


def registered(site: Site, expires_s: int = 300) -> Binding:
    binding = Binding("sip:a@10.0.0.1:5070", "call", 1, round(site.clock()) + expires_s)
    site.registrar.register(ALICE, binding)
    return binding


@pytest.mark.parametrize("ahead_s", [-86_400, -3600, -400, 0, 400, 3600, 86_400])
def test_a_binding_ends_as_long_after_the_move_by_the_targets_clock(ahead_s: float) -> None:
    source, target = Site(0), Site(ahead_s)
    registered(source)
    handed = json.loads(json.dumps(source.part.export([ALICE])[ALICE]))
    assert target.part.import_({ALICE: handed}, None) == {ALICE: None}
    (held,) = target.registrar.bindings(ALICE)
    assert held.expires_at == round(target.clock()) + 300
    target.registrar.store()
    assert target.part.verify({ALICE: handed}) == {ALICE: None}
    target.registrar.remove_all(ALICE)
    assert target.part.verify({ALICE: handed})[ALICE] is not None


def test_nothing_is_new_while_a_phone_does_nothing() -> None:
    source = Site(0)
    registered(source)
    before = source.part.export([ALICE])[ALICE]
    source.sleep(40)
    assert not source.part.changed(before, source.part.export([ALICE])[ALICE])


def test_waiting_for_the_disk_ends_though_the_clock_is_set_back() -> None:
    target = Site(0)
    registered(target)
    target.registrar.register(ALICE, registered(target), stored=False)
    target.sleep = lambda seconds: setattr(target, "passed_s", target.passed_s - 10)  # type: ignore[method-assign]
    target.part = RegistrationParticipant(target.registrar, "h:1", target.clock, target.sleep)
    assert "disk" in str(target.part.verify({ALICE: []})[ALICE])
