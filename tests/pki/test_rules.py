"""When a certificate is renewed."""

from datetime import UTC, datetime, timedelta

import pytest

from isthmus.errors import UsageError
from isthmus.pki import rules
from isthmus.pki.model import Certificate, Expiry, Names

START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = Names("site.example", ("127.0.1.1",))
CERTIFICATE = Certificate("1", NAMES, START, START + timedelta(days=90))


@pytest.mark.parametrize(
    ("day", "state"),
    [(0, Expiry.GOOD), (59, Expiry.GOOD), (60, Expiry.DUE), (80, Expiry.DUE), (81, Expiry.ALARM),
     (89, Expiry.ALARM), (90, Expiry.EXPIRED), (400, Expiry.EXPIRED)],
)  # fmt: skip
def test_a_third_before_the_end_renewal_is_due_and_a_tenth_before_an_alarm(day: int, state: Expiry):
    now = START + timedelta(days=day)
    assert rules.expiry(CERTIFICATE, now) is state
    assert rules.renewal_due(CERTIFICATE, NAMES, now) is (state is not Expiry.GOOD)


def test_other_names_make_renewal_due_at_once():
    assert rules.renewal_due(CERTIFICATE, Names("site.example", ("127.0.1.9",)), START)


def test_addresses_are_written_one_way_and_once():
    names = rules.certificate_names("s.example", "2001:DB8:0::1", "2001:db8::1", "127.0.0.1")
    assert names.addresses == ("2001:db8::1", "127.0.0.1")


def test_a_name_that_does_not_fit_a_common_name_is_refused():
    with pytest.raises(UsageError, match="shorter"):
        rules.certificate_names("a" * 60 + ".example")


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_lifetime_has_bounds(days: int):
    with pytest.raises(UsageError, match="lifetime"):
        rules.checked_lifetime(days)
