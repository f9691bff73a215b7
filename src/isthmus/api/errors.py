"""Every error leaves the API as `{what, where, do}` with a fitting status."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from isthmus.errors import IsthmusError

_log = logging.getLogger(__name__)


def add_handlers(app: FastAPI) -> None:
    """Answer errors in the one form."""
    app.add_exception_handler(IsthmusError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _by_the_framework)
    app.add_exception_handler(Exception, _unexpected)


def body(error: IsthmusError) -> dict[str, str]:
    """The error as JSON."""
    return {"what": error.what, "where": error.where, "do": error.do}


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, IsthmusError)
    return JSONResponse(_printable(body(error)), status_code=error.http_status)


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = "; ".join(
        f"{'.'.join(str(part) for part in fault['loc'][1:]) or fault['loc'][0]}: {fault['msg']}"
        for fault in error.errors()
    )
    return JSONResponse(_printable({"what": faults, "where": "the request", "do": ""}), status_code=422)


async def _by_the_framework(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse(
        {"what": str(error.detail), "where": "", "do": ""}, status_code=error.status_code, headers=error.headers
    )


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The framework raises it again for the server, whose logger writes the traceback.
    _log.error("%s %s failed: %r", request.method, request.url.path, error)
    return JSONResponse(
        {"what": "the control service met a fault of its own", "where": "", "do": "Its log has the details."},
        status_code=500,
    )


def _printable(value: dict[str, Any]) -> dict[str, Any]:
    """What came in may hold half a surrogate pair, which UTF-8 can't carry back."""
    return {name: str(text).encode("utf-8", "replace").decode() for name, text in value.items()}
