"""How bindings are shown: by the names of sites, whichever way they came."""

from __future__ import annotations

import pytest

from isthmus.registration.api import binding_json
from isthmus.registration.model import Binding

HOSTS = {"premises.contoso.example": "premises", "online.contoso.example": "online"}


def way(host: str) -> str:
    return f"<sip:{host}:5062;transport=tls;lr;received=sip%3A10.0.0.1%3A5060>"


@pytest.mark.parametrize(
    ("path", "edge"),
    [
        ("", "premises"),
        (way("online.contoso.example"), "online"),
        (way("premises.contoso.example"), "premises"),  # back from a move
        (way("elsewhere.example"), "elsewhere.example"),
    ],
)
def test_a_phone_is_connected_to_a_site_by_name(path: str, edge: str) -> None:
    binding = Binding("sip:alice@10.0.0.1", "c1", 1, 1060, path=path, user_agent="phone \udcff")
    shown = binding_json(binding, "premises", 1000.0, HOSTS)
    assert (shown["edge"], shown["expires_s"], shown["user_agent"]) == (edge, 60, "phone ?")
