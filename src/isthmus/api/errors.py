"""Every error leaves the API as a problem (RFC 9457) that also says `what`, `where` and `do`, with a fitting status."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from isthmus.errors import IsthmusError, TooManyError, UnauthenticatedError

_log = logging.getLogger(__name__)

_MOST_FAULTS = 20  # a body of thousands of wrong rows need not be answered by as many lines


class Problem(JSONResponse):
    """An error as JSON."""

    media_type = "application/problem+json"


def add_handlers(app: FastAPI) -> None:
    """Answer errors in the one form."""
    app.add_exception_handler(IsthmusError, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _by_the_framework)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    status: int, what: str, where: str = "", do: str = "", kind: str = "about:blank", **headers: str
) -> Problem:
    """The answer. kind: the problem's type. headers: with `_` for `-`."""
    body = {
        "type": kind,
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": f"{what}. {do}" if do else what,
        "what": what,
        "where": where,
        "do": do,
    }
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Problem(_printable(body), status_code=status, headers=named)


def answer(error: IsthmusError) -> Problem:
    """The answer to a request that ended in `error`."""
    headers: dict[str, str] = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW_Authenticate"] = 'Bearer realm="isthmus"'
    if isinstance(error, TooManyError):
        headers["Retry_After"] = str(max(1, int(error.retry_after_s + 0.999)))
    return problem(error.http_status, error.what, error.where, error.do, error.problem, **headers)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, IsthmusError)
    return answer(error)


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    told = [
        f"{'.'.join(str(part) for part in fault['loc'][1:]) or fault['loc'][0]}: {fault['msg']}"
        for fault in faults[:_MOST_FAULTS]
    ]
    if len(faults) > _MOST_FAULTS:
        told.append(f"and {len(faults) - _MOST_FAULTS} more")
    return problem(422, "; ".join(told), "the request")


async def _by_the_framework(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    response = problem(error.status_code, str(error.detail))
    response.headers.update(error.headers or {})
    return response


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    # The framework raises it again for the server, whose logger writes the traceback.
    _log.error("%s %s failed: %r", request.method, request.url.path, error)
    return problem(500, "the control service met a fault of its own", do="Its log has the details.")


def _printable(value: dict[str, Any]) -> dict[str, Any]:
    """What came in may hold half a surrogate pair, which UTF-8 can't carry back."""
    return {
        name: text.encode("utf-8", "replace").decode() if isinstance(text, str) else text
        for name, text in value.items()
    }
