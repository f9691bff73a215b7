"""The description of the API, from which clients are made: every operation is named, typed and says how it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from isthmus.api import web_app
from isthmus.api.permissions import RULES
from isthmus.api.shapes import ANSWERS
from isthmus.api.titles import TAGS, TITLES
from tests.api.callers import open_site

KEYS = [key for key in TITLES if key in RULES]


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    services = open_site(tmp_path_factory.mktemp("o"))
    yield web_app(services).openapi()
    services.close()


def test_every_route_that_is_described_is_named_and_none_else(described: dict[str, Any]):
    operations = {(method.upper(), path) for path, found in described["paths"].items() for method in found}
    assert operations == set(TITLES)
    assert described["openapi"] == "3.1.0"


@pytest.mark.parametrize("key", KEYS, ids=" ".join)
def test_an_operation_has_a_tag_a_summary_and_problems(described: dict[str, Any], key: tuple[str, str]):
    operation = described["paths"][key[1]][key[0].lower()]
    assert operation["tags"][0] in TAGS
    assert operation["summary"][0].isupper()
    assert re.fullmatch(r"[a-z]+[A-Za-z0-9]*", operation["operationId"])
    for status in ("401", "403", "404", "422", "429"):
        content = operation["responses"][status]["content"]["application/problem+json"]
        assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
    if key in ANSWERS:
        schemas = [
            answer["content"]["application/json"]["schema"]
            for status, answer in operation["responses"].items()
            if status.startswith("2")
        ]
        assert all("$ref" in str(schema) or schema == {"type": "object", "additionalProperties": {"type": "string"}}
                   or "items" in schema for schema in schemas)  # fmt: skip


def test_names_of_operations_are_their_own(described: dict[str, Any]):
    names = [each["operationId"] for path in described["paths"].values() for each in path.values()]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere(described: dict[str, Any]):
    known = set(described["components"]["schemas"])
    assert set(re.findall(r"#/components/schemas/([\w-]+)", str(described))) <= known
