"""What may be said of tenants and domains, and how much a change adds."""

from __future__ import annotations

import pytest

from isthmus.errors import RefusedError, UsageError
from isthmus.tenancy import rules
from isthmus.tenancy.model import Claim, Tenant, TenantChanges


@pytest.mark.parametrize(
    "name",
    ["", "example", "localhost", "x.localhost", "a.local", "1.2.3.4", "-a.example", "a..example", "a b.example",
     "münchen.example", "a.example\u202e", "a\u0000.example", "a" * 64 + ".example", "x." * 200 + "example",
     "\u0430pple.example", "_dmarc.a.example", "1.in-addr.arpa"],
)  # fmt: skip
def test_what_is_no_domain_can_not_be_claimed(name: str):
    with pytest.raises(UsageError):
        rules.claimable(name)


@pytest.mark.parametrize("changes", [TenantChanges(contact="nobody"), TenantChanges(display_name="a\nb"),
                                     TenantChanges(people=-1), TenantChanges(requests_per_minute=0)])  # fmt: skip
def test_what_can_not_be_said_of_a_tenant_is_refused(changes: TenantChanges):
    with pytest.raises(UsageError):
        rules.changed(Tenant("fabrikam"), changes)


def test_growth_is_told_by_tenant_and_kind():
    person = {"tenant": "a", "number": "+14255550101"}
    found = rules.growth(
        [
            ("person.create", None, person),
            ("person.set", person, {**person, "number": None}),
            ("person.rename", person, {"aor": "x"}),
            ("person.rename", {"aor": "y"}, person),
            ("person.delete", {"tenant": "b", "number": None}, None),
            ("device.add", None, {"tenant": "a"}),
        ]
    )
    assert found["a", "people"] == 1
    assert found["a", "numbers"] == 0
    assert found["b", "people"] == -1
    assert found["a", "devices"] == 1


def test_only_growth_is_refused():
    rules.over("people", 1, 5, 0)
    rules.over("people", 5, 5, 1)
    rules.over("people", None, 5, 1)
    with pytest.raises(RefusedError, match="may have 4 people, and would have 5"):
        rules.over("people", 4, 5, 1)


def test_a_record_proves_one_claim_alone():
    claim = Claim("a.example", "a", "token")
    assert rules.proves(claim, ["v=spf1", " isthmus-domain-verification=token "])
    assert not rules.proves(claim, ["isthmus-domain-verification=tokens", "token", ""])
