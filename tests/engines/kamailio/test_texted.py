"""The way of a message to a phone, by what the registrar keeps of it."""

from __future__ import annotations

from isthmus.engines.kamailio.registrar import MESSAGE
from isthmus.engines.kamailio.texted import phone
from isthmus.registration.model import Binding

FLOW = "sip:198.51.100.7:5060;transport=udp;edge=udp"
QUOTED = "sip:198.51.100.7:5060%3Btransport%3Dudp%3Bedge%3Dudp"


def binding(*, path: str = "", received: str = "") -> Binding:
    """Bob's phone."""
    return Binding(
        contact="sip:bob@10.0.0.7:5060", call_id="c1", cseq=1, expires_at=2_000_000_000, path=path, received=received
    )


def way(found: Binding) -> tuple[str, str, bool]:
    """Next hop, Route, and whether a message of any length gets there whole."""
    made = phone(found, MESSAGE, "premises.contoso.example")
    return made.hop, made.route, made.whole


def test_a_phone_here_is_reached_where_it_registered_from():
    assert way(binding(received=FLOW)) == (FLOW, "", False)


def test_a_phone_at_another_site_is_reached_through_that():
    path = f"<sip:online.contoso.example:5062;transport=tls;lr;received={QUOTED}>"
    assert way(binding(path=path)) == (path[1:-1], path, False)


def test_a_visitors_phone_is_reached_through_the_site_of_the_connector_that_it_is_at():
    connector = f"<sip:branch-1.connectors.online.contoso.example:5062;transport=tls;lr;received={QUOTED}>"
    path = f"<sip:online.contoso.example:5062;transport=tls;lr>,{connector}"
    assert way(binding(path=path)) == (path.split(">")[0][1:], path, False)
    made = phone(binding(path=path), MESSAGE, "online.contoso.example")  # whose person has moved there
    assert (made.hop, made.route) == (connector[1:-1], connector)


def test_a_phone_whose_person_has_moved_there_and_back_is_not_sought_through_this_very_site():
    path = f"<sip:premises.contoso.example:5062;transport=tls;lr;received={QUOTED}>"
    assert way(binding(path=path)) == (FLOW, "", False)
