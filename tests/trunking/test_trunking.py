"""What trunks are told, and what they mean: rules for numbers and headers, identity, privacy, who forwarded a call."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import UsageError
from isthmus.trunking import applying, forwarding, heading, numbering
from isthmus.trunking.model import Call, Diversion, HeaderRule, NumberRule, Read, Shape, Shaped

BERLIN, LONDON, SEATTLE = "+493012345678", "+442079460000", "+12065550123"
ANNA, BOSS = "+14255550101", "+14255550100"


def out(shape: Shape, called: str = SEATTLE, calling: str = ANNA, **more: object) -> Shaped:
    call = Call(called, calling, **more)  # type: ignore[arg-type]
    return applying.outgoing(shape, call, trunk="gw", site="premises", host="p.example", trunk_host="192.0.2.1:5060")


def into(shape: Shape, called: str, caller: str, **received: str) -> Read:
    names = {name.replace("_", "-"): value for name, value in received.items()}
    return applying.incoming(shape, called, caller, names, trunk="gw", site="premises", host="p.example")


def values(shaped: Shaped | Read, name: str) -> list[str]:
    return [value for each, value in shaped.add if each == name]


# Numbers


@pytest.mark.parametrize(
    ("rule", "number", "makes"),
    [
        (NumberRule("called", "out", "+1206", strip=2), SEATTLE, "2065550123"),
        (NumberRule("called", "out", "+1206", strip=2), BERLIN, BERLIN),
        (NumberRule("called", "out", prepend="9"), "911", "9911"),
        (NumberRule("called", "out", "911$", prepend="9"), "9111", "9111"),
        (NumberRule("called", "out", "+49", "national"), BERLIN, "03012345678"),
        (NumberRule("called", "out", "", "national"), LONDON, LONDON),
        (NumberRule("called", "out", "", "international"), LONDON, "00442079460000"),
        (NumberRule("called", "out", "", "international", prepend="0"), LONDON, "000442079460000"),
        (NumberRule("called", "out", "", "digits"), LONDON, "442079460000"),
        (NumberRule("called", "out", "0ZX", "e164"), "03012345678", BERLIN),
        (NumberRule("called", "out", "", "e164"), "00442079460000", LONDON),
        (NumberRule("called", "out", "", "e164"), "110", "110"),
        (NumberRule("called", "out", "+[2-5]", set=BOSS), LONDON, BOSS),
        (NumberRule("calling", "out", strip=3), BERLIN, BERLIN),
        (NumberRule("called", "in", strip=3), BERLIN, BERLIN),
    ],
)
def test_a_number_rule(rule: NumberRule, number: str, makes: str):
    numbering.check(rule)
    assert numbering.apply([rule], "called", "out", number, "DE")[0] == makes


def test_the_first_rule_that_is_for_a_number_is_the_only_one():
    rules = [NumberRule("called", "out", "+49", strip=3, prepend="0"), NumberRule("called", "out", strip=1)]
    assert numbering.apply(rules, "called", "out", BERLIN, "") == (
        "03012345678",
        f"called {BERLIN}: rule +49 strip 3 prepend 0 makes 03012345678",
    )
    assert numbering.apply(rules, "called", "out", LONDON, "")[0] == "442079460000"


def test_a_rule_that_would_leave_no_number_is_not_applied_and_says_so():
    number, told = numbering.apply([NumberRule("called", "out", strip=9)], "called", "out", "911", "")
    assert number == "911"
    assert "not applied" in told


@pytest.mark.parametrize(
    "rule",
    [
        NumberRule("called", "out"),
        NumberRule("called", "out", "(0+)+", strip=1),
        NumberRule("called", "out", "[5-2]", strip=1),
        NumberRule("called", "out", "X" * 61, strip=1),
        NumberRule("called", "out", prepend="12a"),
        NumberRule("called", "out", set="+1\r\nVia: x"),
        NumberRule("called", "out", strip=1, set=BOSS),
    ],
)
def test_what_is_no_number_rule_is_refused(rule: NumberRule):
    with pytest.raises(UsageError):
        numbering.check(rule)


# Headers


@pytest.mark.parametrize(
    "rule",
    [
        *(
            HeaderRule(name, "out", set="x")
            for name in (
                "Via", "Route", "record-route", "Contact", "Call-ID", "CSeq", "From", "To", "Max-Forwards",
                "Content-Length", "Content-Type", "Identity", "P-Asserted-Identity", "X-Isthmus-Epoch", "x-", "X-A: b",
                "X-A\r\nVia", "",
            )
        ),
        HeaderRule("X-A", "out", set="a\r\nVia: b"),
        HeaderRule("X-A", "out", set="{password}"),
        HeaderRule("X-A", "out", copy="Authorization"),
        HeaderRule("X-A", "out", set="x", remove=True),
        HeaderRule("X-A", "out"),
    ],
)  # fmt: skip
def test_what_is_no_header_rule_is_refused(rule: HeaderRule):
    with pytest.raises(UsageError):
        heading.check(rule)


def test_headers_are_set_copied_and_removed():
    rules = (
        HeaderRule("X-Account", "out", set="{trunk}-{calling}"),
        HeaderRule("X-Forwarder", "out", set="{diverting}"),
        HeaderRule("User-to-User", "out", copy="X-Data"),
        HeaderRule("User-Agent", "out", remove=True),
        HeaderRule("X-In", "in", set="1"),
    )
    shaped = out(Shape(headers=rules), headers={"x-data": "0a0b"})
    assert values(shaped, "X-Account") == [f"gw-{ANNA}"]
    assert values(shaped, "User-to-User") == ["0a0b"]
    assert values(shaped, "X-Forwarder") == values(shaped, "X-In") == []
    assert "User-Agent" in shaped.remove


# Who calls


def test_without_rules_a_trunk_is_told_the_number_alone():
    shaped = out(Shape())
    assert applying.request_uri(Shape(), shaped, "192.0.2.1:5060;transport=tcp") == (
        f"sip:{SEATTLE}@192.0.2.1:5060;transport=tcp"
    )
    assert shaped.from_uri == f"sip:{ANNA}@p.example"
    assert shaped.to_uri == ""
    assert shaped.add == (("P-Asserted-Identity", f"<tel:{ANNA}>"),)


def test_identities_as_the_trunk_wants_them():
    shape = Shape(identity=("preferred", "remote-party"), identity_uri="sip", user_phone=True, from_host="c.example")
    shaped = out(shape)
    assert shaped.from_uri == f"sip:{ANNA}@c.example;user=phone"
    assert dict(shaped.add) == {
        "P-Preferred-Identity": f"<sip:{ANNA}@c.example;user=phone>",
        "Remote-Party-ID": f"<sip:{ANNA}@c.example;user=phone>;party=calling;screen=yes;privacy=off",
    }


def test_the_asserted_number_can_be_the_main_one():
    shape = Shape(numbers=(NumberRule("asserted", "out", set=BOSS), NumberRule("calling", "out", strip=2)))
    shaped = out(shape)
    assert shaped.from_uri == "sip:4255550101@p.example"
    assert values(shaped, "P-Asserted-Identity") == [f"<tel:{BOSS}>"]


def test_who_wants_to_be_known_to_nobody():
    rule = HeaderRule("X-Caller", "out", set="{calling}")
    withheld, told = (out(Shape(private=each, headers=(rule,)), private=True) for each in ("withhold", "assert"))
    assert withheld.from_uri == told.from_uri == applying.NOBODY
    assert withheld.add == ()
    assert told.add == (("P-Asserted-Identity", f"<tel:{ANNA}>"),)
    assert out(Shape(private="assert"), calling="").add == ()


def test_tel_uris_and_extensions():
    shape = Shape(request_uri="tel", extension="parameter")
    assert applying.request_uri(shape, out(shape, extension="12"), "gw") == f"tel:{SEATTLE};ext=12"
    assert out(Shape(extension="append"), extension="12").uri_user == f"{SEATTLE}12"
    assert out(Shape(), extension="12").uri_user == SEATTLE


# Who forwarded the call

TWICE = (Diversion(BOSS, "unconditional"), Diversion("+14255550102", "no-answer"))


def test_forwarding_is_told_in_the_form_that_the_trunk_wants():
    assert values(out(Shape(), diverted=TWICE), "History-Info") == [
        f"<sip:{BOSS}@p.example;user=phone>;index=1",
        "<sip:+14255550102@p.example;user=phone;cause=302>;index=1.1;mp=1",
        f"<sip:{SEATTLE}@p.example;user=phone;cause=408>;index=1.1.1;mp=1.1",
    ]
    assert values(out(Shape(forwarding="diversion"), diverted=TWICE), "Diversion") == [
        "<sip:+14255550102@p.example;user=phone>;reason=no-answer;counter=1",
        f"<sip:{BOSS}@p.example;user=phone>;reason=unconditional;counter=1",
    ]
    assert len(out(Shape(forwarding="both"), diverted=TWICE).add) == 6
    assert len(out(Shape(forwarding="none"), diverted=TWICE).add) == 1
    rule = NumberRule("diverting", "out", "+1", strip=2)
    assert (
        "sip:4255550100@" in values(out(Shape(forwarding="diversion", numbers=(rule,)), diverted=TWICE), "Diversion")[1]
    )


def test_privacy_takes_who_forwarded_a_call_away():
    hidden = (Diversion(BOSS, "unconditional", private=True), TWICE[1])
    assert BOSS not in str(out(Shape(forwarding="both"), diverted=hidden).add)
    assert len(out(Shape(forwarding="both"), diverted=TWICE, hides_history=True).add) == 1


@pytest.mark.parametrize("form", ["history-info", "diversion"])
def test_one_form_is_read_from_the_other(form: str):
    shaped = out(Shape(forwarding=form), diverted=TWICE)
    history, diversion = (", ".join(values(shaped, name)) for name in ("History-Info", "Diversion"))
    assert forwarding.read(history, diversion) == TWICE


def test_what_is_read_of_headers_as_others_write_them():
    assert forwarding.read("", '"Boss, the" <sip:+1-425-555-0100@gw>;reason=user-busy;privacy="full"') == (
        Diversion(BOSS, "user-busy", private=True),
    )
    # Without a cause it was but routed to another host; the busy one wants to be known to nobody.
    entries = (
        f"<sip:{BOSS}@gw>;index=1",
        f"<sip:{BOSS}@inner?Privacy=history>;index=1.1",
        "<sip:+14255550102@gw;cause=486>;index=1.1.1",
    )
    assert forwarding.read(", ".join(entries), "") == (Diversion(BOSS, "user-busy", private=True),)
    assert forwarding.read("<sip:anonymous@x>;index=1, <sip:1@x;cause=302>;index=1.1", "<sip:bob@x>") == ()


# From a trunk

GERMAN = Shape(
    country="DE",
    numbers=tuple(NumberRule(of, "in", form="e164") for of in ("called", "calling", "diverting")),
    caller_from="asserted",
)


def test_national_numbers_are_read_by_the_trunks_country():
    read = into(
        GERMAN, "03012345678", "anonymous", p_asserted_identity="<sip:08912345678@gw>", diversion="<sip:0301234@x>"
    )
    assert (read.called, read.calling) == (BERLIN, "+498912345678")
    assert [each.number for each in read.diverted] == ["+49301234"]
    assert len(read.steps) == 3
    assert {"History-Info", "Diversion"} == {name for name, _ in read.add}


def test_what_is_no_number_stays_what_it_is():
    read = into(GERMAN, "alice;x=1", "bob")
    assert (read.called, read.calling, read.add, read.steps) == ("alice;x=1", "bob", (), ())


# Whatever comes

_TEXT = st.text(max_size=60) | st.text(alphabet='0123456789+*#<>;,"=sip:@tel?\r\n .index', max_size=80)
_RULES = st.builds(
    NumberRule,
    st.sampled_from(["called", "calling", "asserted", "diverting"]),
    st.sampled_from(["out", "in"]),
    st.sampled_from(["", "+", "+49", "0", "X", "[1-3]", "911$"]),
    st.sampled_from(["", *numbering.FORMS]),
    st.integers(0, 33),
    st.sampled_from(["", "+", "0", "+49", "9*"]),
)
_SHAPES = st.builds(
    Shape,
    country=st.sampled_from(["", "DE", "US", "IT", "XX"]),
    identity=st.sampled_from([(), ("asserted",), ("preferred", "remote-party")]),
    identity_uri=st.sampled_from(["tel", "sip"]),
    private=st.sampled_from(["withhold", "assert"]),
    user_phone=st.booleans(),
    forwarding=st.sampled_from(["history-info", "diversion", "both"]),
    extension=st.sampled_from(["drop", "parameter", "append"]),
    caller_from=st.sampled_from(["from", "asserted"]),
    numbers=st.lists(_RULES, max_size=4).map(tuple),
    headers=st.just((HeaderRule("X-A", "out", set="<{called}> {diverting}"), HeaderRule("X-A", "in", copy="X-B"))),
)
_NUMBER = st.from_regex(r"\+[1-9][0-9]{1,14}|[0-9*#]{2,6}", fullmatch=True)


@given(_SHAPES, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT)
def test_whatever_a_trunk_sends_no_line_begins_in_a_header(
    shape: Shape, called: str, caller: str, history: str, diversion: str, other: str
):
    read = into(shape, called, caller, history_info=history, diversion=diversion, x_b=other, p_asserted_identity=other)
    for _, value in read.add:
        assert value.isascii() and value.isprintable()
    assert all(numbering.is_number(each.number) for each in read.diverted)
    assert read.calling == caller or numbering.is_number(read.calling)


@given(
    _SHAPES, _NUMBER, _NUMBER | st.just(""), st.lists(st.builds(Diversion, _NUMBER), max_size=3), st.booleans(), _TEXT
)
def test_whatever_is_called_the_trunk_gets_a_number(
    shape: Shape, called: str, calling: str, diverted: list[Diversion], private: bool, other: str
):
    shaped = out(shape, called, calling, private=private, diverted=tuple(diverted), headers={"x-b": other})
    assert numbering.is_number(shaped.number)
    for _, value in (*shaped.add, ("From", shaped.from_uri)):
        assert value.isascii() and value.isprintable()
    if private:
        assert shaped.from_uri == applying.NOBODY


@given(st.text(max_size=60), st.text(max_size=20), st.text(max_size=20))
def test_no_rule_that_is_taken_breaks_anything(pattern: str, prepend: str, whole: str):
    for rule in (
        NumberRule("called", "out", pattern, prepend=prepend),
        NumberRule("called", "out", pattern, set=whole),
    ):
        try:
            numbering.check(rule)
        except UsageError:
            continue
        assert numbering.is_number(numbering.apply([rule], "called", "out", SEATTLE, "")[0])
