"""No route of the table is without a limit."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from isthmus.api import web_app
from isthmus.api.gate import Limits
from isthmus.api.permissions import RULES
from tests.api.callers import BASE, open_site


@pytest.fixture(scope="module")
def exhausted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An address that has asked all it may for the next days."""
    services = open_site(tmp_path_factory.mktemp("l"))
    client = TestClient(web_app(services, Limits(address=(1e-6, 1))), base_url=BASE)
    assert client.get("/healthz").status_code == 200
    yield client
    services.close()


@pytest.mark.parametrize("key", RULES, ids=" ".join)
def test_who_asks_too_often_is_told_when_to_come_again(exhausted: TestClient, key: tuple[str, str]):
    answer = exhausted.request(key[0], key[1])
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
