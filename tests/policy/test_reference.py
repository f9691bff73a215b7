"""docs/policies.md is what the code says."""

from pathlib import Path

from isthmus.policy.reference import page


def test_the_page_is_up_to_date():
    written = Path(__file__).parents[2] / "docs" / "policies.md"
    assert written.read_text(encoding="utf-8") == page(), "run make docs"
