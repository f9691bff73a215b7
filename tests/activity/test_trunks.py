"""Trunks that are down or do not register: when people are told, and of what. On a clock that the test moves."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.activity.model import Alert, Severity
from isthmus.activity.trunks import TrunkWatch, trouble_of


def state(name: str = "gw", **more: Any) -> dict[str, Any]:
    return {"name": name, "state": "up", "calls": 0, "registered": None, "registration_error": "", **more}


class Watched:
    """A watch over what the test says of trunks."""

    def __init__(self, **after_s: int) -> None:
        self.now, self.trunks, self.told = 1000.0, [state()], []
        self.told: list[Alert]
        self.mute = False
        self.watch = TrunkWatch(
            "premises", "contoso", after_s or {"gw": 60}, lambda: self.trunks, self._tell,
            clock=lambda: 1_800_000_000 + self.now, elapsed=lambda: self.now,
        )  # fmt: skip

    def _tell(self, tenant: str, alert: Alert) -> None:
        if self.mute:
            raise OSError("the disk is full")
        assert tenant == "contoso"
        self.told.append(alert)

    def after(self, seconds: float, *trunks: dict[str, Any]) -> list[str]:
        """What is told at this time, with the trunks so."""
        self.now += seconds
        self.trunks, before = list(trunks), len(self.told)
        self.watch.work()
        return [alert.now for alert in self.told[before:]]


def test_down_for_a_minute_is_told_once_and_so_is_the_end():
    watched = Watched()
    assert watched.after(0, state(state="down")) == []
    assert watched.after(59, state(state="down")) == []
    assert watched.after(1, state(state="down")) == ["trunk gw of premises does not answer"]
    assert watched.after(600, state(state="down")) == []
    assert watched.after(10, state()) == ["trunk gw of premises is well again after 11 min"]
    assert watched.after(10, state()) == []
    assert [alert.severity for alert in watched.told] == [Severity.HIGH, Severity.NOTICE]
    assert len({alert.id for alert in watched.told}) == 2
    assert watched.told[0].first == 1_800_001_000
    assert watched.told[0].subject == "trunk:gw"


def test_what_is_over_within_the_minute_is_not_told():
    watched = Watched()
    for _ in range(5):
        assert watched.after(10, state(state="down")) == []
        assert watched.after(45, state()) == []


@pytest.mark.parametrize(("error", "told"), [("403 Forbidden", "403 Forbidden"), ("", "no answer")])
def test_a_registration_that_fails_is_told_with_what_was_answered(error: str, told: str):
    watched = Watched()
    failing = state(registered=False, registration_error=error)
    assert watched.after(0, failing) == []
    assert watched.after(60, failing) == [f"trunk gw of premises does not register this site ({told})"]
    assert watched.after(30, state(registered=True)) == ["trunk gw of premises is well again after 90 s"]


def test_an_engine_that_can_t_be_asked_says_nothing_of_trunks():
    watched = Watched()
    away = state(state="unknown", calls=None, registered=False)
    assert watched.after(0, away) == watched.after(100, away) == []
    assert watched.after(0, state(state="down")) == []
    assert watched.after(60, away) == []
    assert watched.after(1, state(state="down")) == ["trunk gw of premises does not answer"]
    assert watched.after(1, away) == []


def test_each_trunk_for_itself_and_none_that_nobody_wants_to_hear_of():
    watched = Watched(gw=60, other=10)
    down = [state(name, state="down") for name in ("gw", "other", "quiet")]
    watched.after(0, *down)
    assert watched.after(10, *down) == ["trunk other of premises does not answer"]
    assert watched.after(50, *down) == ["trunk gw of premises does not answer"]


def test_what_could_not_be_told_is_told_later():
    watched = Watched()
    watched.after(0, state(state="down"))
    watched.mute = True
    assert watched.after(60, state(state="down")) == []
    watched.mute = False
    assert watched.after(10, state(state="down")) == ["trunk gw of premises does not answer"]
    watched.mute = True
    assert watched.after(10, state()) == []
    watched.mute = False
    assert watched.after(10, state()) == ["trunk gw of premises is well again after 90 s"]


@pytest.mark.parametrize("name", ["up", "waiting", "unknown"])
def test_nothing_is_wrong_with_a_trunk_that_waits_or_is_not_asked(name: str):
    assert trouble_of(state(state=name)) == trouble_of(state(state=name, registered=True)) == ""
