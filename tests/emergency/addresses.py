"""Addresses and places for the tests, and strategies that make them."""

from __future__ import annotations

from hypothesis import strategies as st

from isthmus.emergency import civic
from isthmus.emergency.civic import ELEMENTS
from isthmus.emergency.model import Civic, Place, Point

REDMOND = {"A1": "WA", "A3": "Redmond", "HNO": "1", "RD": "Main", "STS": "St", "PC": "98052"}
BERLIN = {"A3": "Berlin", "HNO": "1", "RD": "Hauptstrasse", "PC": "10827"}


def us(**more: str) -> Civic:
    return civic.checked("US", REDMOND | more)


def place(name: str, tenant: str = "main", **more: object) -> Place:
    floor = "".join(c for c in name if c.isdigit()) or "1"
    return Place(tenant, name, us(FLR=floor), **more)  # type: ignore[arg-type]


# What a person may write into an element: anything printable, in its one form.
texts = (
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp", "Cf")), min_size=1, max_size=60)
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: bool(text) and text.isprintable())
)
points = st.builds(
    Point,
    st.floats(-90, 90).map(lambda value: round(value, 6) + 0.0),
    st.floats(-180, 180).map(lambda value: round(value, 6) + 0.0),
)
civics = st.builds(
    lambda country, said: Civic(country, tuple((name, said[name]) for name in ELEMENTS if name in said)),
    st.sampled_from(["US", "DE", "JP"]),
    st.dictionaries(st.sampled_from(list(ELEMENTS)), texts, min_size=1),
)
