"""What is in force for everybody of a large tenant, against decoding as many records."""

from __future__ import annotations

import time
from dataclasses import replace

import msgspec

from bench import people
from bench.model import Aim, Figure, Scale
from isthmus.directory.model import Person
from isthmus.policy.model import Grant, Level, Policy
from isthmus.policy.rules import Resolver

_GROUPS = 200


def measure(scale: Scale) -> list[Figure]:
    """Every kind for everybody, the resolver made anew each time; CPU time of this process."""
    everybody = [
        replace(each, groups=tuple(sorted({f"g{at % _GROUPS}", f"g{at // _GROUPS % _GROUPS}"})))
        for at, each in enumerate(people.generate(scale.published))
    ]
    encoded = [msgspec.msgpack.encode((str(p.aor), p.display_name, p.number, p.home, p.groups)) for p in everybody]
    pairs = [(_resolve(everybody), _decode(encoded)) for _ in range(scale.rounds)]
    return [
        Figure.of(
            "policy.effective",
            f"All policies of {scale.published:,} people",
            "s",
            pairs,
            "decoding as many records",
            Aim("value", 2.0),
            f"{_GROUPS} groups, nested, a policy for each, and one person in a hundred with their own",
        )
    ]


def _resolve(everybody: list[Person]) -> float:
    names = [f"p{at}" for at in range(_GROUPS)]
    made = {
        name: Policy(people.TENANT, "calling", name, (("most_calls", at % 9 + 1),)) for at, name in enumerate(names)
    }
    grants = [Grant(people.TENANT, "calling", f"p{at}", Level.GROUP, f"g{at}", at + 1) for at in range(_GROUPS)]
    grants += [Grant(people.TENANT, "calling", "p1", Level.PERSON, str(each.aor)) for each in everybody[::100]]
    nesting = {f"g{at}": [f"g{at + 1}"] for at in range(0, _GROUPS - 1, 2)}
    began = time.process_time()
    resolver = Resolver([(grant, made[grant.policy]) for grant in grants], nesting)
    for each in everybody:
        resolver.resolve(each)
    return time.process_time() - began


def _decode(encoded: list[bytes]) -> float:
    began = time.process_time()
    for raw in encoded:
        msgspec.msgpack.decode(raw)
    return max(time.process_time() - began, 1e-6)
