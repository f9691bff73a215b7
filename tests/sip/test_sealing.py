"""Seals: what a site wrote into a dialog it knows again, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from isthmus.sip.sealing import EDGES, Flow, Pass, Side, open_flow, open_pass, seal_flow, seal_pass

SECRET = b"k" * 32
flows = st.builds(
    Flow,
    edge=st.sampled_from(EDGES),
    host=st.ip_addresses().map(str),
    port=st.integers(1, 65535),
)
passes = st.builds(Pass, side=st.sampled_from(Side), media=st.booleans())
calls = st.text(max_size=40)


@given(flow=flows, call=calls)
def test_a_flow_comes_back_as_it_went(flow: Flow, call: str) -> None:
    sealed = seal_flow(SECRET, call, flow)
    assert open_flow(SECRET, call, sealed) == flow
    assert sealed.replace("-", "").replace("_", "").isalnum()


@given(passage=passes, call=calls)
def test_a_pass_comes_back_as_it_went(passage: Pass, call: str) -> None:
    assert open_pass(SECRET, call, seal_pass(SECRET, call, passage)) == passage


@given(flow=flows, passage=passes, call=calls, other=calls)
def test_a_seal_of_another_dialog_or_site_opens_nothing(flow: Flow, passage: Pass, call: str, other: str) -> None:
    assert open_flow(b"x" * 32, call, seal_flow(SECRET, call, flow)) is None
    assert open_pass(b"x" * 32, call, seal_pass(SECRET, call, passage)) is None
    if other != call:
        assert open_flow(SECRET, other, seal_flow(SECRET, call, flow)) is None
        assert open_pass(SECRET, other, seal_pass(SECRET, call, passage)) is None


@given(flow=flows, call=calls, at=st.integers(0, 21), letter=st.sampled_from("ABCDEFabcdef012345-_"))
def test_a_changed_flow_opens_nothing(flow: Flow, call: str, at: int, letter: str) -> None:
    sealed = seal_flow(SECRET, call, flow)
    changed = sealed[:at] + letter + sealed[at + 1 :]
    if changed != sealed:
        assert open_flow(SECRET, call, changed) is None


@given(text=st.text(max_size=60), call=calls)
def test_made_up_seals_open_nothing(text: str, call: str) -> None:
    assert open_flow(SECRET, call, text) is None
    assert open_pass(SECRET, call, text) is None


def test_a_pass_is_no_flow_and_a_flow_is_no_pass() -> None:
    flow, passage = Flow("udp", "10.0.0.1", 5060), Pass(Side.EDGE, True)
    assert open_pass(SECRET, "c", seal_flow(SECRET, "c", flow)) is None
    assert open_flow(SECRET, "c", seal_pass(SECRET, "c", passage)) is None


def test_the_next_hop_names_the_engine_transport_and_the_listener() -> None:
    assert Flow("tls", "10.0.0.1", 5061).uri == "sip:10.0.0.1:5061;transport=tcp;edge=tls"
    assert Flow("udp", "2001:db8::1", 5060).uri == "sip:[2001:db8::1]:5060;transport=udp;edge=udp"


@given(flow=flows, call=calls, uri=st.text(min_size=1, max_size=40), other=st.text(max_size=40))
def test_a_seal_bound_to_a_uri_opens_for_that_uri_alone(flow: Flow, call: str, uri: str, other: str) -> None:
    sealed = seal_flow(SECRET, call, flow, uri)
    assert open_flow(SECRET, call, sealed, uri) == flow
    if other != uri:
        assert open_flow(SECRET, call, sealed, other) is None
