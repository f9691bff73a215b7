"""Ranges, owners, patterns, countries and areas, extensions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.addressing import Telephone
from isthmus.errors import RefusedError, UsageError
from isthmus.numbers import rules
from isthmus.numbers.model import Hold, Kind, Owner, Range, Wanted, counted, written

NUMBERS = st.integers(14255550000, 14255550999)
RANGES = st.tuples(NUMBERS, NUMBERS).map(lambda pair: Range(min(pair), max(pair)))


class TestRanges:
    @pytest.mark.parametrize(
        ("text", "first", "last"),
        [
            ("+14255550100-+14255550199", 14255550100, 14255550199),
            ("+14255550100-0199", 14255550100, 14255550199),
            ("+14255550100 - 99", 14255550100, 14255550199),
            ("+14255550100", 14255550100, 14255550100),
        ],
    )
    def test_how_they_are_written(self, text: str, first: int, last: int) -> None:
        assert Range.parse(text) == Range(first, last)

    @pytest.mark.parametrize(
        "text",
        [
            "", "14255550100", "+14255550199-0100", "+14255550100-+442079460000", "+14255550100-", "+1425-555-0100",
            "+14255550100-+14255550199-+14255550300", "+14250000000-+14259999999", "+0425", "+14255550100;ext=1",
        ],
    )  # fmt: skip
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(UsageError):
            Range.parse(text)

    @given(RANGES)
    def test_they_print_what_they_parse(self, range_: Range) -> None:
        assert Range.parse(str(range_)) == range_

    @given(RANGES, RANGES)
    def test_taking_out_leaves_the_rest_and_nothing_else(self, whole: Range, out: Range) -> None:
        left = {n for part in whole.without(out) for n in range(part.first, part.last + 1)}
        assert left == set(range(whole.first, whole.last + 1)) - set(range(out.first, out.last + 1))

    @given(RANGES)
    def test_the_digits_they_have_in_common(self, range_: Range) -> None:
        assert all(str(number).startswith(range_.common) for number in (range_.first, range_.last))

    @pytest.mark.parametrize("text", ["+12", "+999123456", "+1425555", "+12505550100-+14255550100"])
    def test_what_no_carrier_gives(self, text: str) -> None:
        with pytest.raises(UsageError):
            rules.checked_range(text)

    def test_two_countries(self) -> None:
        with pytest.raises(UsageError, match="two countries"):
            rules.checked_range("+441533999999-+441534000000")  # Jersey's begin in the middle


class TestTelephones:
    @pytest.mark.parametrize(
        ("text", "number", "extension"),
        [
            ("+14255550100;ext=123", "+14255550100", "123"),
            ("tel:+1-425-555-0100;EXT=1-2.3", "+14255550100", "123"),
            ("+1 (425) 555-0100", "+14255550100", ""),
        ],
    )
    def test_how_they_are_written(self, text: str, number: str, extension: str) -> None:
        assert Telephone.parse(text) == Telephone(number, extension)

    @pytest.mark.parametrize(
        "text",
        ["+14255550100;ext=", "+14255550100;ext=x", "+14255550100;isub=1", "+14255550100;ext=1;ext=2", ";ext=1",
         "+14255550100;ext=12345678901", "0100;ext=1", "+14255550100;", "+14255550100;ext=１",
         "+14255550100x12", "+1425555010x", "+1800FLOWERS"],
    )  # fmt: skip
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(UsageError):
            Telephone.parse(text)

    @given(NUMBERS, st.from_regex("[0-9]{0,10}", fullmatch=True))
    def test_they_print_what_they_parse(self, number: int, extension: str) -> None:
        made = Telephone(written(number), extension)
        assert Telephone.parse(str(made)) == made
        assert counted(made.number) == number


class TestOwners:
    @pytest.mark.parametrize(
        ("text", "kind", "name"),
        [
            ("Alice@contoso.example", Kind.PERSON, "alice@contoso.example"),
            ("service:front  desk", Kind.SERVICE, "front desk"),
            ("resource:Room 1", Kind.RESOURCE, "Room 1"),
        ],
    )
    def test_how_they_are_written(self, text: str, kind: Kind, name: str) -> None:
        assert Owner.parse(text) == Owner(kind, name)
        assert Owner.parse(str(Owner(kind, name))) == Owner(kind, name)

    @pytest.mark.parametrize(
        "text", ["", "alice", "service:", "service:" + "x" * 65, "person:alice", "service:\x1b[2J"]
    )
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(UsageError):
            Owner.parse(text)


class TestSearching:
    @pytest.mark.parametrize(
        ("number", "country", "area"),
        [
            (14255550100, "US", "425"), (12505550100, "CA", "250"), (498912345678, "DE", "89"),
            (390612345678, "IT", "06"), (18005550100, "US", ""), (8821612345678, "001", ""), (99912345, "", ""),
        ],
    )  # fmt: skip
    def test_country_and_area_are_those_of_the_numbering_plans(self, number: int, country: str, area: str) -> None:
        assert (rules.country_of(number), rules.area_of(number)) == (country, area)

    @pytest.mark.parametrize(
        ("range_", "wanted", "found"),
        [
            ("+14255550100-0199", Wanted(), "+14255550100-+14255550199"),
            ("+14255550100-0199", Wanted(country="US", area="425"), "+14255550100-+14255550199"),
            ("+14255550100-0199", Wanted(country="DE"), None),
            ("+14255550100-0199", Wanted(area="206"), None),
            ("+498912345600-99", Wanted(area="089"), "+498912345600-+498912345699"),
            ("+390612345600-99", Wanted(area="06"), "+390612345600-+390612345699"),
            ("+14255550100-0199", Wanted(pattern="+1425555012*"), "+14255550120-+14255550129"),
            ("+14255550100-0199", Wanted(pattern="+142555501200000"), None),
            ("+14255550100-0199", Wanted(pattern="*99"), "+14255550100-+14255550199"),
        ],
    )
    def test_the_stretch_of_a_range_that_is_looked_through(
        self, range_: str, wanted: Wanted, found: str | None
    ) -> None:
        stretch = rules.within(Range.parse(range_), wanted)
        assert (str(stretch) if stretch else None) == found

    @pytest.mark.parametrize(
        ("pattern", "fits"),
        [
            ("+1425*01*", True), ("1425*0123", True), ("+1425555012?", True), ("*99", False), ("5550", True),
            ("+1425555", False), ("", True), ("0123", True), ("?0123", False),
        ],
    )  # fmt: skip
    def test_patterns(self, pattern: str, fits: bool) -> None:
        assert rules.fits(14255550123, pattern or None) is fits

    @given(NUMBERS, RANGES, st.from_regex(r"\+?[0-9*?]{1,12}", fullmatch=True))
    def test_what_fits_is_never_outside_of_what_is_looked_through(
        self, number: int, range_: Range, pattern: str
    ) -> None:
        if range_.holds(number) and rules.fits(number, pattern):
            stretch = rules.within(range_, Wanted(pattern=pattern))
            assert stretch is not None and stretch.holds(number)

    @pytest.mark.parametrize("wanted", [Wanted(area="4x5"), Wanted(pattern="(.*)+$"), Wanted(pattern="*" * 41)])
    def test_what_can_not_be_searched_by(self, wanted: Wanted) -> None:
        with pytest.raises(UsageError):
            rules.checked_wanted(wanted)


def test_a_reservation_keeps_others_out_for_ten_minutes_and_not_a_moment_longer() -> None:
    hold = Hold(14255550100, "main", None, "cli:ann", at_ms=0, until_ms=rules.RESERVED_S * 1000)
    rules.may_take(hold.number, hold, "cli:ann", 1)
    with pytest.raises(RefusedError, match="reserved by cli:ann for another 1 s"):
        rules.may_take(hold.number, hold, "cli:bob", 599_999)
    rules.may_take(hold.number, hold, "cli:bob", 600_000)
