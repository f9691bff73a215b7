"""HTTP routes of the calls that are up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from isthmus.calls.model import Call

Dialogs = Callable[[], list[dict[str, Any]] | None]
"""Asks the SIP engine for its dialogs (Kamailio's dlg.list)."""


def router(dialogs: Dialogs) -> APIRouter:
    """GET /v1/calls: every call that is up or being set up, the oldest first."""
    routes = APIRouter()

    @routes.get("/v1/calls")
    def calls() -> list[dict[str, Any]]:
        found = (Call.of_dialog(dialog) for dialog in dialogs() or ())
        return [call.as_json() for call in sorted((c for c in found if c), key=lambda call: call.since)]

    return routes
