"""Where calls go: countries, dear numbers, and ranges that nobody was given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.addressing.destination import Destination, destination_of


@pytest.mark.parametrize(
    ("number", "where"),
    [
        ("+12065550123", Destination("US", dear=False)),
        ("+16135550123", Destination("CA", dear=False)),
        ("+442079460123", Destination("GB", dear=False)),
        ("+447400123456", Destination("GB", dear=False)),  # a mobile
        ("+19005550123", Destination("US", dear=True)),  # premium rate
        ("+447012345678", Destination("GB", dear=True)),  # a personal number
        ("+447640123456", Destination("GB", dear=True)),  # a pager
        ("+8821612345678", Destination("+882", dear=True)),  # an international network
        ("+870773123456", Destination("+870", dear=True)),  # Inmarsat
        ("+979123456789", Destination("+979", dear=True)),  # international premium rate
        ("+441533999999", Destination("GB", dear=False, known=False)),  # no such area
        ("+999123456", Destination("+999", dear=False, known=False)),  # no such country
    ],
)
def test_where_a_call_goes(number: str, where: Destination):
    assert destination_of(number) == where


@given(st.from_regex(r"\+[1-9][0-9]{1,14}", fullmatch=True))
def test_every_number_goes_somewhere(number: str):
    assert destination_of(number).region
