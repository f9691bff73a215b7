"""The site file is checked as a whole, and every fault is told at once with its place."""

from pathlib import Path
from typing import Any

import pytest

from isthmus.errors import UsageError
from isthmus.site.file import SiteFile, load
from tests.site.sites import TEMPLATE, site_file


def write(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(text)
    return path


def good(folder: Path) -> Path:
    return write(folder, TEMPLATE.format(address="127.0.1.1", inner="127.0.1.2", peer="127.0.2.1"))


def test_folders_are_absolute_and_beside_the_file(tmp_path: Path):
    site = load(good(tmp_path))
    assert site.run_dir == tmp_path / "state" / "run"
    assert site.database_url == f"sqlite:///{tmp_path}/state/isthmus.db"
    assert site.ca_dir == tmp_path.parent / "ca"


def test_a_database_of_its_own_is_kept(tmp_path: Path):
    url = "postgresql+psycopg://isthmus@127.0.0.1/isthmus"
    assert site_file(tmp_path, "127.0.1.1", "127.0.1.2", state={"database": url}).database_url == url


def test_ipv6_is_written_one_way(tmp_path: Path):
    assert site_file(tmp_path, "2001:DB8:0:0::1", "::1").site.address == "2001:db8::1"


def test_all_faults_are_told_at_once(tmp_path: Path):
    text = good(tmp_path).read_text().replace('"127.0.1.1"', '"here"') + "[ports]\nsip = 70000\ncolour = 1\n"
    with pytest.raises(UsageError) as refused:
        load(write(tmp_path, text))
    for place in ("site.address", "ports.sip", "ports.colour"):
        assert place in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("authority =", "autority =", "site.autority: there is no such setting (is authority meant?)"),
        ("[site]", "[syte]", "syte: there is no such setting (is site meant?)"),
        ("[site]", "[colours]\n[site]", "colours: there is no such setting."),
        ("authority = true", 'authority = "maybe"', "site.authority: must be true or false, not 'maybe'"),
        ('role = "premises"', 'role = "office"', "site.role: must be 'premises', 'online' or 'connector'"),
        ('name = "premises"', 'name = "My site"', "site.name: 'My site' does not have the form ^[a-z]"),
        ("fqdn =", "# fqdn =", "site.fqdn: is missing"),
        ("[site]", "site = 1\n[ports]", "site: must be a section, not 1"),
        ("[site]", "trunk = [1]\n[site]", "trunk.0: must be a section, not 1"),
    ],
)
def test_a_fault_is_told_in_words_for_whoever_wrote_the_file(tmp_path: Path, old: str, new: str, told: str):
    text = good(tmp_path).read_text()
    assert old in text
    with pytest.raises(UsageError) as refused:
        load(write(tmp_path, text.replace(old, new)))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_where_the_file_is_not_utf8_and_what_is_a_folder_is_told(tmp_path: Path):
    (tmp_path / "site.toml").write_bytes(b"# one\nname = '\xff'\n")
    with pytest.raises(UsageError, match="line 2 is not UTF-8"):
        load(tmp_path / "site.toml")
    with pytest.raises(UsageError, match=r"can't be read \(Is a directory\)"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("sections", "fault"),
    [
        ({"media": {"rtp_low": 4000, "rtp_high": 3000}}, "rtp_high must be above rtp_low"),
        ({"protection": {"exempt_networks": ["10.0.0.0/8\n  mode http"]}}, "exempt_networks"),
        ({"media": {"direct_networks": ["nowhere"]}}, "direct_networks"),
        ({"peer": [{"name": "premises", "fqdn": "a.example", "address": "127.0.2.1"}]}, "same name"),
        ({"peer": [{"name": "b", "fqdn": "b.example", "address": "127.0.2.1", "authority": True}]}, "exactly one"),
        (
            {"peer": [{"name": f"p{n}", "fqdn": "b.example", "address": "127.0.2.1"} for n in range(11)]},
            "at most 10 peers",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(tmp_path: Path, sections: dict[str, Any], fault: str):
    with pytest.raises(ValueError, match=fault):
        site_file(tmp_path, "127.0.1.1", "127.0.1.2", **sections)


def test_engines_meet_on_loopback_only(tmp_path: Path):
    with pytest.raises(ValueError, match="loopback"):
        site_file(tmp_path, "127.0.1.1", "192.0.2.1")


@pytest.mark.parametrize(("content", "fault"), [(b"a = [", "not valid TOML"), (b"\xff", "can't be read")])
def test_what_is_no_toml_is_said_so(tmp_path: Path, content: bytes, fault: str):
    path = tmp_path / "site.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=fault):
        load(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(UsageError, match="there is no such site file"):
        load(tmp_path / "none.toml")


def test_values_can_not_be_changed(tmp_path: Path):
    site: SiteFile = load(good(tmp_path))
    with pytest.raises(ValueError, match="frozen"):
        site.site.name = "other"  # type: ignore[misc]


TRUNK = {"name": "t", "address": "192.0.2.1"}


def test_a_trunk_by_tls_has_its_own_port_unless_it_says_so(tmp_path: Path):
    tls = TRUNK | {"transport": "tls", "tls": {"name": "gw.example.com"}}
    site = site_file(
        tmp_path, "127.0.1.1", "127.0.1.2", trunk=[tls, tls | {"name": "u", "port": 6000}, TRUNK | {"name": "v"}]
    )
    assert [trunk.port for trunk in site.trunk] == [5061, 6000, 5060]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"transport": "tls"}, "trunk.tls"),
        ({"tls": {"name": "gw.example.com"}}, "trunk.tls"),
        ({"transcode": True}, "transcode takes codecs"),
        ({"codecs": ["PCMA codec-strip-all"]}, "String should match"),
        ({"media": "clear"}, "'rtp', 'srtp' or 'dtls-srtp'"),
        ({"networks": ["here"]}, "network"),
        ({"direct_networks": ["here"]}, "network"),
        ({"direct_networks": ["10.0.0.0/8"], "media": "srtp"}, "direct_networks takes media"),
        ({"registration": {"user": "a b", "password_file": "x"}}, "String should match"),
    ],
)
def test_trunks_that_make_no_sense_are_refused(tmp_path: Path, more: dict[str, Any], told: str):
    with pytest.raises(ValueError, match=told):
        site_file(tmp_path, "127.0.1.1", "127.0.1.2", trunk=[TRUNK | more])


def test_without_a_relay_no_trunk_has_media_of_its_own(tmp_path: Path):
    for more in ({"media": "srtp"}, {"codecs": ["PCMA"]}):
        with pytest.raises(ValueError, match=r"media\.relay"):
            site_file(tmp_path, "127.0.1.1", "127.0.1.2", trunk=[TRUNK | more], media={"relay": "never"})
