"""What a gateway is told that a call has left, and that is heard all the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isthmus.calls import given_up
from isthmus.calls.given_up import Heard, Left
from isthmus.useragent.message import Request, parse

BRANCH = "z9hG4bKe6e7.74005112aa184885f96dc43292606b40.1"
HEARD = Heard(
    f"SIP/2.0/UDP 192.0.2.1:5060;branch={BRANCH};rport=5060;received=192.0.2.1,SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKb",
    "<sip:+14255550171@192.0.2.1>;tag=ours",
    "<sip:+12065550123@contoso.example>;tag=theirs",
    "call",
    2,
)
CONTACT, ROUTES = "sip:gateway@192.0.2.9:5080", ["sip:inner.example;lr", "sip:outer.example;lr"]
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="|"))


def request(text: str) -> Request:
    found = parse(text.encode())
    assert isinstance(found, Request)
    return found


def test_a_cancel_is_the_invite_in_all_that_it_is_known_by():
    """RFC 3261 section 9.1: Request-URI, Call-ID, To, the number of CSeq, From and the one Via are its own."""
    cancel = request(given_up.cancel("tel:+12065550123", HEARD))
    assert (cancel.method, cancel.uri, cancel.branch) == ("CANCEL", "tel:+12065550123", BRANCH)
    assert cancel.all("Via") == [f"SIP/2.0/UDP 192.0.2.1:5060;branch={BRANCH}"]
    assert (cancel.cseq, cancel.call_id, cancel.get("From")) == ((2, "CANCEL"), "call", HEARD.sender)
    assert cancel.get("To") == "<sip:+12065550123@contoso.example>"


def test_the_ack_of_a_refusal_belongs_to_the_invites_transaction():
    """RFC 3261 section 17.1.1.3: as the INVITE, but with the To of the answer."""
    ack = request(given_up.ack("tel:+12065550123", HEARD))
    assert (ack.method, ack.uri, ack.branch, ack.cseq) == ("ACK", "tel:+12065550123", BRANCH, (2, "ACK"))
    assert ack.get("To") == HEARD.receiver


def test_who_has_answered_is_acknowledged_and_hung_up_on_in_the_dialog():
    ack = request(given_up.ack_of_2xx(CONTACT, ROUTES, HEARD))
    bye = request(given_up.bye(CONTACT, ROUTES, HEARD))
    assert (ack.cseq, bye.cseq) == ((2, "ACK"), (3, "BYE"))
    for each in (ack, bye):
        assert each.uri == CONTACT
        assert each.all("Route") == [f"<{route}>" for route in ROUTES]
        assert (each.get("From"), each.get("To")) == (HEARD.sender, HEARD.receiver)
    assert len({BRANCH, ack.branch, bye.branch}) == 3


def test_the_bye_is_known_by_the_answer_however_often_that_comes():
    again = HEARD._replace(via=HEARD.via.replace("rport=5060", "rport=5061"))
    assert given_up.branch_within("BYE", again) == given_up.branch_within("BYE", HEARD)
    other = HEARD._replace(receiver=HEARD.receiver.replace("theirs", "anothers"))
    assert given_up.branch_within("BYE", other) != given_up.branch_within("BYE", HEARD)


def test_an_answer_is_of_the_branch_that_the_engine_has_counted():
    assert given_up.key_of("call", BRANCH) == given_up.key("call", 0x7E6E, 1)


@given(st.integers(0, 0xFFFF), st.integers(0, 200))
def test_branches_are_told_apart(transaction: int, place: int):
    branch = f"z9hG4bK{f'{transaction:x}'[::-1]}.74005112aa184885f96dc43292606b40.{place:x}"
    assert given_up.key_of("call", branch) == given_up.key("call", transaction, place)
    assert given_up.key_of("call", branch) != given_up.key("call", transaction, place + 1)
    assert given_up.key_of("call", branch) != given_up.key("call", transaction ^ 1, place)


@given(TEXT, TEXT, st.text())
def test_what_is_kept_comes_back_as_it_was(to: str, uri: str, due: str):
    left = Left(to, uri, due)
    assert Left.parse(str(left)) == left
