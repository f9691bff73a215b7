"""The published conformance tester, speaking through an httpx client as all our tests do."""

from __future__ import annotations

import time
from typing import Any

import httpx
from scim2_client.client import BaseSyncSCIMClient, RawResponse
from scim2_tester import CheckResult, Status, check_server


class Provider(BaseSyncSCIMClient):
    """Asks a server. A provider that is asked to wait (429, Retry-After) waits."""

    def __init__(self, client: httpx.Client) -> None:
        super().__init__()
        self._client = client

    def _stays_under_base_url(self, endpoint: str) -> bool:
        return not endpoint.startswith("http") or endpoint.startswith(str(self._client.base_url))

    def _parse_json(self, response: RawResponse) -> Any:
        assert isinstance(response, httpx.Response)
        return response.json()

    def request(self, method: str, url: str, **more: Any) -> httpx.Response:
        answer = self._client.request(method, url, **more)
        while answer.status_code == 429:
            time.sleep(float(answer.headers["Retry-After"]))
            answer = self._client.request(method, url, **more)
        return answer


def check(client: httpx.Client) -> list[CheckResult]:
    """Everything the tester has to say."""
    return check_server(Provider(client))


def complaints(results: list[CheckResult]) -> list[str]:
    """What is not as the RFCs have it, in words."""
    fine = (Status.SUCCESS, Status.ACCEPTABLE, Status.SKIPPED)
    return [f"{each.resource_type} {each.title}: {each.reason}" for each in results if each.status not in fine]
