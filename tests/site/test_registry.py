"""Finding site files by name, by environment and by authority."""

from pathlib import Path

import pytest

from isthmus.errors import NotFoundError, RefusedError
from isthmus.site import registry

SITE = """
[site]
name = "{name}"
role = "premises"
fqdn = "{name}.contoso.example"
domains = ["contoso.example"]
address = "127.0.1.1"
authority = {authority}
[[peer]]
name = "{peer}"
fqdn = "{peer}.contoso.example"
address = "127.0.2.1"
authority = {peer_authority}
"""


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("ISTHMUS_SITE", raising=False)
    for name, peer, authority in (("premises", "online", True), ("online", "premises", False)):
        folder = tmp_path / name
        folder.mkdir()
        text = SITE.format(
            name=name, peer=peer, authority=str(authority).lower(), peer_authority=str(not authority).lower()
        )
        (folder / "site.toml").write_text(text)
    monkeypatch.setenv("ISTHMUS_SITES", str(tmp_path))
    return tmp_path


def test_a_site_is_found_by_name(sites: Path):
    assert registry.find("online").site.name == "online"
    assert registry.names() == ["online", "premises"]


def test_without_a_name_the_authority_is_meant(sites: Path):
    assert registry.find().site.name == "premises"


def test_the_environment_names_the_site(sites: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ISTHMUS_SITE", "online")
    assert registry.find().site.name == "online"


def test_an_unknown_name_lists_the_known_ones(sites: Path):
    with pytest.raises(NotFoundError, match=r"no site 'moon'.*online, premises"):
        registry.find("moon")


def test_an_empty_folder_says_what_to_do(tmp_path: Path):
    with pytest.raises(NotFoundError, match="ISTHMUS_SITES"):
        registry.find(directory=tmp_path)


def test_a_folder_that_may_not_be_read_is_not_said_to_be_empty(sites: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ISTHMUS_SITES", str(sites))
    # The superuser may read everything, so what the system would say to others stands in.
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(RefusedError, match="may not be read"):
        registry.find()
