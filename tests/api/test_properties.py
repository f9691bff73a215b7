"""What a property-based tester of OpenAPI finds: requests made up from the description, right and wrong ones.

Used as a library; its pytest plugin is off (pyproject.toml), since every run of every test would load it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from isthmus.api import web_app
from isthmus.api.gate import Limits
from isthmus.api.permissions import RULES
from isthmus.api.titles import NOT_DESCRIBED
from tests.api.callers import Site, open_site

_EXAMPLES = 10  # for each route and kind of data
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_OF_THE_ENGINE = ("/v1/calls", "/v1/calls/end", "/v1/registrations")  # no Kamailio runs here, and they say so
_OF_OPENID = ("/.well-known/", "/oauth/")  # described by their own document
_ROUTES = [(method, path) for method, path in RULES if path not in NOT_DESCRIBED and not path.startswith(_OF_OPENID)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, str]]:
    """The schema, bound to the app, and what an administrator's program shows."""
    services = open_site(tmp_path_factory.mktemp("p"))
    limits = Limits((1e6, 10**6), (1e6, 10**6), (1e6, 10**6))
    site = Site(services, web_app(services, limits))
    site.person("alice@contoso.example")
    site.account("anna", "global")
    token = str(site.by_token("anna").headers["Authorization"])
    yield schemathesis.openapi.from_asgi("/v1/openapi.json", site.app), token
    services.close()


@pytest.mark.parametrize("key", _ROUTES, ids=" ".join)
def test_no_request_meets_a_fault_of_ours(key: tuple[str, str], world: tuple[Any, str], caplog: Any):
    schema, token = world
    method, path = key
    operation = schema[path][method]
    kinds = [operation.as_strategy(generation_mode=mode) for mode in _modes(operation)]

    @settings(
        max_examples=_EXAMPLES * len(kinds),
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(kinds))
    def try_it(case: schemathesis.Case) -> None:
        if "{" in path and (method, case.formatted_path) in RULES:
            return  # a name that is another route's own word, as /v1/people/count
        with caplog.at_level(logging.ERROR):
            answer = case.call(headers={"Authorization": token})
        if answer.status_code == 503 and path in _OF_THE_ENGINE:
            return
        case.validate_response(answer, checks=_CHECKS)
        assert b"Traceback" not in answer.content  # which is not always text

    try_it()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def _modes(operation: Any) -> list[schemathesis.GenerationMode]:
    """What can be right can be wrong, unless there is nothing to be given at all."""
    takes = any(True for _ in operation.iter_parameters()) or bool(operation.body)
    both = [schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE]
    return both if takes else both[:1]
