"""The form in which bindings travel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.addressing import Aor
from isthmus.engines.kamailio.contact import edge_of, received_of
from isthmus.registration import rules
from isthmus.registration.model import Binding

ALICE = Aor.parse("alice@contoso.example")
HOST = "premises.contoso.example:5062"


def binding(**changes: object) -> Binding:
    given: dict[str, object] = {"contact": "sip:a@10.0.0.1:5070", "call_id": "c", "cseq": 1, "expires_at": 1000}
    return Binding(**(given | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "received",
    [
        "sip:10.0.0.1:5070;transport=udp;edge=udp",
        "sip:[2001:db8::1]:5070;transport=tcp;edge=tls",
        "sip:10.0.0.1:5070;transport=ws;edge=ws",
    ],
)
def test_the_path_leads_back_to_where_the_phone_is(received: str) -> None:
    path = rules.exported(binding(received=received), HOST).path
    uri = path.strip("<>")
    assert path.startswith(f"<sip:{HOST};transport=tls;lr;received=")
    assert received_of(uri) == received
    assert edge_of(received_of(uri)) in ("udp", "tls", "ws")
    assert rules.edge_site(path) == "premises.contoso.example"


@pytest.mark.parametrize(
    ("contact", "flow"),
    [
        ("sip:a@10.0.0.1", "sip:10.0.0.1:5060;transport=udp"),
        ("sip:a@10.0.0.1:5070;transport=TCP;ob", "sip:10.0.0.1:5070;transport=tcp"),
        ("sip:[2001:db8::1];transport=tls", "sip:[2001:db8::1]:5061;transport=tls"),
    ],
)
def test_without_a_received_address_the_contact_is_the_way(contact: str, flow: str) -> None:
    assert received_of(rules.exported(binding(contact=contact), HOST).path.strip("<>")) == flow


def test_a_path_that_is_there_is_kept() -> None:
    relayed = binding(path="<sip:online:5062;lr>")
    assert rules.exported(relayed, HOST) is relayed


CONNECTOR = "sip:branch-1.connectors.online.example:5062;transport=tls;lr;received=sip:192.0.2.1:5060%3Bedge%3Dtcp;ob"


def test_the_way_to_a_phone_at_a_connector_begins_at_its_site() -> None:
    there = binding(path=f"<{CONNECTOR}>")
    away = rules.exported(there, "online.example:5062")
    assert away.path == f"<sip:online.example:5062;transport=tls;lr;ob>,<{CONNECTOR}>"
    assert (rules.first_site(away.path), rules.edge_site(away.path)) == (
        "online.example",
        "branch-1.connectors.online.example",
    )
    assert rules.exported(away, "premises.example:5062") is away
    assert rules.exported(away, "online.example:5062") is away
    assert rules.exported(there, "example:5062") is there  # no connector of that site's


def test_the_way_to_a_visitor_says_which_device_it_is() -> None:
    assert binding(path=rules.by_way_of("online.example:5062", CONNECTOR, "dev1a2b.4")).device == ("dev1a2b", 4)


@given(agent=st.text(), call_id=st.text(min_size=1), contact=st.text(min_size=1))
def test_nothing_a_phone_said_breaks_out_of_its_line(agent: str, call_id: str, contact: str) -> None:
    raw = rules.register_text(
        ALICE,
        binding(user_agent=agent, call_id=call_id, contact=contact),
        via="127.0.0.1:1",
        branch="z9hG4bKabcdefghijkl",
        secret="s",
        now_s=0,
    )
    head, _, body = raw.partition(b"\r\n\r\n")
    assert body == b""
    names = [line.partition(b":")[0] for line in head.split(b"\r\n")[1:]]
    assert len(names) == len(set(names))
    assert set(names) <= {name.encode() for name in rules.HEADERS}


def test_a_binding_round_trips_through_json() -> None:
    whole = binding(q=0.5, received="sip:1.2.3.4:5", instance="<urn:x>", reg_id=2, user_agent="x \udcff")
    assert Binding.from_json(whole.to_json()) == whole


@given(st.from_regex(r"dev[0-9a-hjkmnp-tv-z]{10}", fullmatch=True), st.integers(1, 10**6))
def test_which_device_registered_it_goes_along_wherever_it_goes(name: str, generation: int) -> None:
    here = binding(received=f"sip:10.0.0.1:5070;transport=udp;edge=udp;device={name}.{generation}")
    assert here.device == (name, generation)
    there = rules.exported(here, HOST)
    # As the registrar there keeps it: by its Path, of which it makes the address by itself.
    assert Binding.from_json({**there.to_json(), "received": ""}).device == (name, generation)
    assert edge_of(received_of(there.path.strip("<>"))) == "udp"


@given(st.text(max_size=40))
def test_nothing_that_a_phone_says_of_itself_makes_it_a_device(text: str) -> None:
    said = f"sip:a@10.0.0.1;device=dev0000000000.1{text}"
    own = binding(
        contact=said, user_agent=said, instance=said, call_id=said, received="sip:10.0.0.1:5070;transport=udp;edge=udp"
    )
    assert own.device is None
    assert rules.exported(own, HOST).device is None
