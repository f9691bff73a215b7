"""The reference page is the schema's."""

import tomllib
from pathlib import Path

from isthmus.site import reference
from isthmus.site.file import SiteFile

PAGE = Path(__file__).parents[2] / "docs" / "site-file.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == reference.page(), "run `python -m isthmus.site.reference`"


def test_every_setting_is_explained():
    for line in reference.page().splitlines():
        if line.startswith("| `"):
            assert line.split("|")[4].strip(), line


def test_the_example_is_a_good_site_file():
    example = reference.page().split("```toml\n")[1].split("```")[0]
    assert SiteFile.model_validate(tomllib.loads(example)).site.authority
