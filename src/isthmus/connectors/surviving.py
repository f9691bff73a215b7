"""What a branch can still do with online away: found out by asking each trunk and phone, and by `decide` itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import phonenumbers

from isthmus.directory.model import Person
from isthmus.registration.model import Binding
from isthmus.routing.model import SOS, Config, Dial, Local, Request, Snapshot, Source
from isthmus.routing.rules import decide

MOST_ASKED = 200
"""Phones that are asked whether they are there."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that people want to do. works: None where it could not be found out. why: in words."""

    what: str
    works: bool | None
    why: str


def asked(bindings: Mapping[str, Sequence[Binding]]) -> list[tuple[str, Binding]]:
    """The phones to ask, each with its person's address. bindings: address -> phones registered here."""
    return [(aor, each) for aor, held in sorted(bindings.items()) for each in held][:MOST_ASKED]


def findings(
    snapshot: Snapshot,
    people: Sequence[Person],
    bindings: Mapping[str, Sequence[Binding]],
    answered: Mapping[str, bool],
    trunks: Mapping[str, str],
    limits: int,
) -> list[Finding]:
    """What works at the branch of a connector while the site it belongs to can't be reached.

    bindings: address -> phones registered here. answered: address -> whether any of them is there, of those that were
    asked. trunks: name -> state (see trunks.states). limits: how many of the day there are.
    """
    down = frozenset(name for name, state in trunks.items() if state == "down")
    found = [_trunk(name, state) for name, state in trunks.items()]
    found.append(_emergency(snapshot, down))
    found += [_person(snapshot, each, bindings.get(str(each.aor), ()), answered, down) for each in people]
    if not people:
        found.append(Finding("phones at this branch", False, "nobody is registered through this connector yet"))
    found.append(_others(snapshot, answered, down))
    found.append(_bounds(snapshot.config, limits))
    return found


def _trunk(name: str, state: str) -> Finding:
    works = {"up": True, "waiting": False, "down": False}.get(state)
    why = {"up": "it answers", "down": "it does not answer", "waiting": "it has asked for time"}
    return Finding(f"trunk {name}", works, why.get(state, "it is not asked (ask_every_s = 0)"))


def _emergency(snapshot: Snapshot, down: Collection[str]) -> Finding:
    country = snapshot.config.classes[0].dialling.country
    what = "emergency calls by anybody at the branch"
    if not country:
        return Finding(what, False, "the site file does not say which country this is: [survival] country")
    asked = _alone(snapshot, Request("INVITE", f"{SOS}112", Source.BRANCH), down)
    if not isinstance(asked, Dial):
        return Finding(what, False, "there is no trunk")
    return Finding(what, asked.trunk not in down, f"by trunk {asked.trunk}, those of {country}")


def _person(
    snapshot: Snapshot, person: Person, phones: Sequence[Binding], answered: Mapping[str, bool], down: Collection[str]
) -> Finding:
    aor = str(person.aor)
    what = f"{aor}{f' ({person.number})' if person.number else ''}"
    if not phones:
        return Finding(what, False, "no phone is registered here")
    if aor not in answered:
        return Finding(what, None, f"their phones were not asked: {MOST_ASKED} are, at most")
    if not answered[aor]:
        return Finding(what, False, "no phone of theirs answers")
    out = _alone(snapshot, Request("INVITE", _outside(snapshot, person), Source.PHONE, aor), down)
    calls = f"calls out by trunk {out.trunk}" if isinstance(out, Dial) else f"can't call out ({_reason(out)})"
    rings = isinstance(_alone(snapshot, Request("INVITE", person.number or aor, Source.TRUNK), down), Local)
    called = "is called by the PSTN" if person.number and rings else "has no number"
    return Finding(what, True, f"is called at the branch, {called}, {calls}")


def _others(snapshot: Snapshot, answered: Mapping[str, bool], down: Collection[str]) -> Finding:
    what, number = "calls from the PSTN for anybody else", snapshot.config.fallback
    if not number:
        return Finding(what, False, "no number answers for them: [survival] fallback")
    led = _alone(snapshot, Request("INVITE", "+19999999999", Source.TRUNK), down)
    if isinstance(led, Local):
        there = answered.get(led.aor, False)
        return Finding(what, there, f"{led.aor} answers for them" if there else f"no phone of {led.aor} answers")
    if isinstance(led, Dial):
        return Finding(what, led.trunk not in down, f"{number} answers for them, by trunk {led.trunk}")
    return Finding(what, False, f"{number} can't be reached")


def _bounds(config: Config, limits: int) -> Finding:
    told = f"{len(config.blocks)} blocks, {len(config.at_once)} limits of calls at once and {limits} of the day"
    return Finding("what keeps calls from being made and taken", True, f"{told}, as online told them last")


def _alone(snapshot: Snapshot, request: Request, down: Collection[str]) -> object:
    asked = Request(
        request.method,
        request.target,
        request.source,
        request.caller,
        unreachable=frozenset({snapshot.config.upstream}),
        down=frozenset(down),
    )
    return decide(asked, snapshot).decision


def _outside(snapshot: Snapshot, person: Person) -> str:
    """A number of the PSTN in the person's own country, which nobody here has."""
    country = snapshot.config.classes[0].dialling.country or "US"
    if person.number:
        country = phonenumbers.region_code_for_number(phonenumbers.parse(person.number)) or country
    example = phonenumbers.example_number(country)
    return (
        "+12025550123" if example is None else phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
    )


def _reason(decision: object) -> str:
    return str(getattr(decision, "reason", "they go elsewhere"))
