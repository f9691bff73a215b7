"""Sources as the site file has them: what is wrong with their files is told when they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from scim2_server.requests import ScimRequest

from isthmus.errors import UnavailableError, UsageError
from isthmus.scim.protocol import handle
from isthmus.site.file import load
from isthmus.site.services import Services, build
from isthmus.sync.api import source_json
from tests.cli.conftest import SITE, write_site

_LDAP = """
[[source]]
name = "ldap"
kind = "ldap"
servers = ["ldaps://127.1.2.3"]
base = ["dc=contoso,dc=example"]
"""


@pytest.fixture
def check(tmp_path: Path) -> Iterator[Callable[[str, dict[str, str]], str]]:
    """Build a site with a source and files beside its site file, and ask the source; gives what is wrong."""
    made: list[Services] = []

    def ask(source: str, files: dict[str, str]) -> str:
        folder = tmp_path / "premises"
        site_file = write_site(folder, SITE + _LDAP + source)
        for name, text in files.items():
            (folder / name).write_text(text)
            (folder / name).chmod(0o644 if name.startswith("open") else 0o600)
        made.append(build(site_file))
        with pytest.raises(UsageError) as error:
            made[-1].sync.check("ldap")
        return str(error.value)

    yield ask
    for services in made:
        services.close()


@pytest.mark.parametrize(
    ("source", "files", "what"),
    [
        ('user = "x"\npassword_file = "open"', {"open": "secret"}, "others may read the password (mode 0644)"),
        ('user = "x"\npassword_file = "none"', {}, "the password can't be read"),
        ('user = "x"\npassword_file = "empty"', {"empty": "\n"}, "the password file is empty"),
        ('mapping_file = "m.toml"', {}, "the mapping file can't be read"),
        ('mapping_file = "m.toml"', {"m.toml": "x ="}, "the mapping file can't be read"),
        ('mapping_file = "m.toml"', {"m.toml": "[adress]"}, "[adress] is no section"),
        ('region = "XX"', {}, "'XX' is no region"),
    ],
)
def test_a_fault_is_told_and_the_site_runs(check, source: str, files: dict[str, str], what: str):
    told = check(source, files)
    assert what in told
    assert "secret" not in told


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ('name = "a"\nkind = "csv"', "needs `file`"),
        ('name = "a"\nkind = "csv"\nfile = "x"\nwrite_back = ["home"]', "never written to"),
        ('name = "a"\nkind = "ad"', "needs `servers` and `base`"),
        ('name = "a"\nkind = "ad"\nservers = ["http://x"]\nbase = ["x"]', "does not begin with ldaps://"),
        ('name = "a"\nkind = "ad"\nservers = ["ldap://x"]\nbase = ["x"]\nuser = "u"', "without `password_file`"),
        ('name = "a"\nkind = "ad"\nservers = ["ldap://x"]\nbase = ["x"]\nfilter = "uid=x"', "in brackets"),
        ('name = "ldap"\nkind = "csv"\nfile = "x"', "two sources have the same name"),
    ],
)
def test_a_slip_in_the_site_file_is_told_before_anything_starts(tmp_path: Path, source: str, what: str):
    path = tmp_path / "site.toml"
    path.write_text(f"{SITE}{_LDAP}\n[[source]]\n{source}\n")
    with pytest.raises(UsageError, match=what.replace("[", r"\[")):
        load(path)


def test_sources_belong_to_the_authority(tmp_path: Path):
    path = tmp_path / "site.toml"
    text = SITE.replace("authority = true", "") + "authority = true\n"
    path.write_text(text + _LDAP)
    with pytest.raises(UsageError, match="sources belong into the site file of the authority"):
        load(path)


def test_a_file_that_was_mended_counts_at_once(tmp_path: Path):
    mapped = tmp_path / "premises" / "m.toml"
    site_file = write_site(
        mapped.parent, SITE + _LDAP.replace("ldaps://127.1.2.3", "ldaps://127.1.2.3:1") + 'mapping_file = "m.toml"'
    )
    services = build(site_file)
    with pytest.raises(UsageError, match="the mapping file can't be read"):
        services.sync.check("ldap")
    mapped.write_text("")
    with pytest.raises(UnavailableError, match="Can't contact LDAP server"):
        services.sync.check("ldap")
    services.close()


def test_what_is_set_of_a_source_is_shown_without_a_secret(tmp_path: Path):
    folder = tmp_path / "premises"
    site_file = write_site(folder, SITE + _LDAP + 'user = "cn=reader"\npassword_file = "p"\ninterval_s = 60\n')
    (folder / "p").write_text("correct-horse")
    (folder / "p").chmod(0o600)
    services = build(site_file)
    try:
        (source,) = services.sync.sources()
        shown = source_json(source)
        assert {each["name"]: each["value"] for each in shown["settings"]} == {
            "servers": "ldaps://127.1.2.3",
            "base": "dc=contoso,dc=example",
            "user": "cn=reader",
            "password_file": "p",
            "interval_s": "60",
        }
        assert shown["file"] == str(site_file.path)
        assert "correct-horse" not in str(shown)
    finally:
        services.close()


def test_with_a_faulty_mapping_nothing_is_made_of_what_is_pushed_and_the_site_runs(tmp_path: Path):
    site_file = write_site(tmp_path / "premises", SITE + '[scim]\nmapping_file = "m.toml"\n')
    mapping = tmp_path / "premises" / "m.toml"
    mapping.write_text("[adress]")
    services = build(site_file)
    try:
        body = b'{"userName": "alice@contoso.example"}'
        request = ScimRequest("POST", "https://h/scim/v2", "/Users", body=body)
        refused = handle(services.scim, "main", "test", request)
        assert refused.status == 503 and "[adress] is no section" in str(refused.body)
        mapping.write_text('[address]\nfrom = ["userName.address"]')
        assert handle(services.scim, "main", "test", request).status == 201
        mapping.write_text("[adress]")
        assert [each.name for each in services.sync.sources()] == ["scim:main"]
        with pytest.raises(UsageError, match="is no section"):
            services.sync.check("scim:main")
    finally:
        services.close()
