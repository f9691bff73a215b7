"""Laying out the demo's folder: secrets are private, and a second time changes nothing."""

import json
import stat
from pathlib import Path

import pytest

from isthmus.demo import accounts
from isthmus.demo.plan import make_plan
from isthmus.demo.provision import provision
from isthmus.errors import IsthmusError, UsageError


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_accounts_are_as_promised_and_private(tmp_path: Path) -> None:
    demo = provision(make_plan(), tmp_path / "demo")
    path = tmp_path / "demo" / "accounts.json"
    entries = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [set(entry) for entry in entries] == [{"aor", "username", "password", "number", "home", "site_address"}] * 7
    carol = next(entry for entry in entries if entry["username"] == "carol")
    assert (carol["aor"], carol["home"], carol["site_address"]) == (
        "carol@contoso.example",
        "online",
        "127.0.2.1",
    )
    assert len({entry["password"] for entry in entries}) == 7
    assert all(len(entry["password"]) >= 20 for entry in entries)
    assert demo.fresh_passwords


def test_nothing_in_it_can_be_read_by_others(tmp_path: Path) -> None:
    provision(make_plan(), tmp_path / "demo")
    for path in [tmp_path / "demo", *(tmp_path / "demo").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    provision(make_plan(), tmp_path / "demo")
    before = snapshot(tmp_path / "demo")
    again = provision(make_plan(), tmp_path / "demo")
    assert snapshot(tmp_path / "demo") == before
    assert not again.fresh_passwords


def test_a_site_file_changed_by_hand_stays(tmp_path: Path) -> None:
    provision(make_plan(), tmp_path)
    path = tmp_path / "online" / "site.toml"
    path.write_text(path.read_text() + "\n[ports]\nweb = 9443\n")
    demo = provision(make_plan(), tmp_path)
    assert {site.site.name: site.ports.web for site in demo.sites} == {"premises": 8443, "online": 9443}


def test_a_broken_site_file_is_named_with_the_field(tmp_path: Path) -> None:
    provision(make_plan(), tmp_path)
    path = tmp_path / "online" / "site.toml"
    path.write_text(path.read_text().replace('"127.0.2.1"', '"somewhere"', 1))
    with pytest.raises(UsageError) as caught:
        provision(make_plan(), tmp_path)
    assert "site.address" in str(caught.value)
    assert "online/site.toml" in str(caught.value)


def test_a_certificate_of_another_ca_is_replaced(tmp_path: Path) -> None:
    demo = provision(make_plan(), tmp_path)
    for path in (tmp_path / "ca").rglob("*"):
        if path.is_file():
            path.unlink()
    provision(make_plan(), tmp_path)
    ca = (tmp_path / "ca" / "ca.pem").read_bytes()
    for site in demo.sites:
        assert (site.pki_dir / "ca.pem").read_bytes() == ca
        assert ca.strip() in (site.pki_dir / "site.pem").read_bytes()


def test_broken_accounts_are_said_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "accounts.json"
    path.write_text("[{]")
    with pytest.raises(IsthmusError, match="accounts can't be read"):
        accounts.read_or_make(path, make_plan())
    assert path.read_text() == "[{]"


def test_accounts_follow_a_move(tmp_path: Path) -> None:
    plan = make_plan()
    before, _ = accounts.read_or_make(tmp_path / "accounts.json", plan)
    after = accounts.with_homes(before, {"alice@contoso.example": "online"}, plan)
    assert (after[0].home, after[0].site_address, after[0].password) == (
        "online",
        "127.0.2.1",
        before[0].password,
    )
    assert after[1:] == before[1:]


def test_a_password_never_shows_in_a_repr(tmp_path: Path) -> None:
    made, _ = accounts.read_or_make(tmp_path / "accounts.json", make_plan())
    assert made[0].password not in repr(made)


def test_a_folder_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "thesis.odt").write_text("")
    with pytest.raises(UsageError, match="holds other things than a demo"):
        provision(make_plan(), tmp_path)
    with pytest.raises(UsageError, match="Not a directory"):
        provision(make_plan(), tmp_path / "thesis.odt")
    assert tmp_path.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.odt"]


def test_the_sites_know_the_ca_so_that_certificates_renew_by_themselves(tmp_path: Path) -> None:
    for site in provision(make_plan(), tmp_path).sites:
        assert site.ca_dir == tmp_path / "ca"
