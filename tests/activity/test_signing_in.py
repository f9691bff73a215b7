"""Signing in to pages and API, exports, and what a block means there."""

from __future__ import annotations

import time

from isthmus.activity.model import Event, Kind
from isthmus.activity.telling import ACCOUNT_BLOCKED
from isthmus.addressing import Aor
from isthmus.directory.bulk import Row
from isthmus.directory.importing import unusable_credentials
from isthmus.directory.wire import public
from tests.api.callers import Site, site

__all__ = ["site"]

DAY = 86_400.0


def test_sign_ins_make_a_profile_and_one_from_elsewhere_is_told(site: Site):
    site.account("anna", "auditor")
    activity = site.services.activity
    for day in range(10):
        activity.take(
            Event(time.time() - (11 - day) * DAY, Kind.SIGN_IN, "account:anna", True, "192.0.2.1", "", "test browser")
        )
    activity.work()
    assert site.browser().sign_in("anna").is_success
    assert site.browser("other browser", "203.0.113.7").sign_in("anna").is_success
    activity.work()
    (alert,) = activity.listed(subject="account:anna")
    assert alert.rule == "unusual-sign-in"
    assert "signed in from 203.0.113.0/24 with other browser: a new network, a new client" in alert.now


def test_guesses_at_names_that_nobody_has_are_a_scan(site: Site):
    for number in range(4):
        assert site.browser(address="203.0.113.7").sign_in(f"admin{number}").status_code == 401
        assert site.browser(address="203.0.113.8").sign_in(f"root{number}").status_code == 401
    site.services.activity.work()
    assert [alert.rule for alert in site.services.activity.listed()] == ["scan"]


def test_who_takes_everybody_out_is_told_of(site: Site):
    rows = [
        Row(line, Aor(f"p{line}", "contoso.example"), home="premises", credentials=unusable_credentials())
        for line in range(1, 521)
    ]
    report = site.services.directory.import_people(rows, update=False, dry_run=False, actor="test")
    assert report.created == 520
    site.account("anna", "auditor")
    assert site.by_token("anna").get("/v1/people/export").is_success
    site.services.activity.work()
    (alert,) = site.services.activity.listed()
    assert (alert.subject, alert.rule) == ("account:anna", "bulk-export")
    assert "520 records" in alert.now


def test_a_blocked_person_is_signed_out_and_kept_out(site: Site):
    site.person("bob@contoso.example")
    site.account("bob", "helpdesk", person="bob@contoso.example")
    bob = Aor.parse("bob@contoso.example")
    browser = site.browser()
    assert browser.sign_in("bob").is_success
    assert browser.get("/v1/session").is_success
    site.services.activity.block(bob, "account", actor="test")
    assert browser.get("/v1/session").status_code == 401
    assert site.browser().sign_in("bob").status_code == 401
    site.services.activity.unblock(bob, None, actor="test")
    assert site.browser().sign_in("bob").is_success
    assert public(site.services.directory.get(bob))["barred"] == []


def test_helpdesk_sees_alerts_of_its_tenant_alone(site: Site):
    site.person("alice@contoso.example", "+14255550101")
    site.account("erin", "global", tenant="fabrikam")
    activity = site.services.activity
    activity.take(Event(time.time(), Kind.CALL, "alice@contoso.example", number="+19005550123"))
    activity.take(Event(time.time(), Kind.EXPORT, "cli:root", count=5000))
    activity.work()
    erin = site.by_token("erin")
    assert erin.get("/v1/activity/alerts").json() == []
    assert erin.get("/v1/activity/profiles/cli:root").status_code == 404
    block = erin.post("/v1/activity/block", json={"aor": "alice@contoso.example", "block": "account"})
    assert block.status_code == 404
    site.account("anna", "global")
    found = site.by_token("anna").get("/v1/activity/alerts").json()
    assert {alert["subject"] for alert in found} == {"alice@contoso.example", "cli:root"}


def test_an_account_without_a_person_is_shut_out_with_its_sessions_and_tokens(site: Site):
    site.account("anna", "global")
    site.account("ben", "helpdesk")
    site.account("erin", "global", tenant="fabrikam")
    anna, token, browser = site.by_token("anna"), site.by_token("ben"), site.browser()
    assert browser.sign_in("ben").is_success
    assert token.get("/v1/people").is_success
    whom = {"aor": "account:ben", "block": "account"}
    assert site.by_token("erin").post("/v1/activity/block", json=whom).status_code == 404
    assert anna.post("/v1/activity/block", json={**whom, "block": "calls:pstn"}).status_code == 422
    done = anna.post("/v1/activity/block", json=whom)
    assert done.json()["barred"] == [{"block": "account", "means": ACCOUNT_BLOCKED}]
    assert browser.get("/v1/session").status_code == 401
    assert site.browser().sign_in("ben").status_code == 401
    assert token.get("/v1/people").status_code == 401
    assert anna.post("/v1/activity/unblock", json={"aor": "account:ben"}).json()["barred"] == []
    assert site.browser().sign_in("ben").is_success
    assert token.get("/v1/people").status_code == 401, "whoever made it may not be who the account is"
