"""Profiles: each names its sources and can be used; what stands in the trunk wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.errors import UsageError
from isthmus.site.file import SiteFile, load
from isthmus.trunking import profiles

SITE = """
[site]
name = "premises"
role = "premises"
fqdn = "premises.contoso.example"
domains = ["contoso.example"]
address = "192.0.2.10"
authority = true

[[trunk]]
name = "gw"
address = "192.0.2.20"
"""


def read(tmp_path: Path, more: str) -> SiteFile:
    path = tmp_path / "site.toml"
    path.write_text(SITE + more)
    return load(path)


@pytest.mark.parametrize("name", profiles.names())
def test_a_profile_says_where_it_has_its_facts_from_and_can_be_used(tmp_path: Path, name: str):
    found = profiles.profile(name)
    assert found["name"] == name
    assert found["about"]
    assert all(each["title"] and each["url"].startswith("http") and each["date"] for each in found["sources"])
    assert found["sources"] and found["needs"]
    own = "" if "tls" in found["trunk"] else 'transport = "udp"\n'
    trunk = read(tmp_path, f'profile = "{name}"\n{own}').trunk[0]
    assert trunk.compiled().identity


def test_what_stands_in_the_trunk_wins(tmp_path: Path):
    trunk = read(
        tmp_path,
        """profile = "telekom-companyflex"
[trunk.shape]
forwarding = "diversion"
[[trunk.number]]
of = "called"
on = "in"
pattern = "030"
strip = 3
""",
    ).trunk[0]
    assert (trunk.shape.forwarding, trunk.shape.country) == ("diversion", "DE")
    assert [(each.of, each.pattern) for each in trunk.number] == [
        ("called", "030"),
        ("calling", ""),
        ("called", ""),
        ("diverting", ""),
    ]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ('profile = "nobody"\n', "there is no profile 'nobody'"),
        ('[[trunk.number]]\nof = "called"\npattern = "(0+)+"\nstrip = 1\n', "no pattern of numbers"),
        ('[[trunk.number]]\nof = "called"\nform = "national"\n', "take `country`"),
        ("[trunk.shape]\nby_name = true\n", '`by_name` takes transport = "tls"'),
        (
            'profile = "teams-direct-routing"\n[trunk.shape]\nfrom_host = "192.0.2.1"\n',
            "`from_host` is a name without port",
        ),
        ('[[trunk.header]]\nname = "Via"\nset = "x"\n', "no header that rules may touch"),
        ('[[trunk.header]]\nname = "X-A"\nset = "a\\r\\nVia: b"\n', "printable ASCII"),
    ],
)
def test_what_can_t_be_is_refused_with_the_whole_file(tmp_path: Path, more: str, told: str):
    with pytest.raises(UsageError) as refusal:
        read(tmp_path, more)
    assert told in str(refusal.value)
