"""The description of the API (OpenAPI 3.1), generated from the routes and their rules."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from isthmus.access.permissions import DANGEROUS
from isthmus.api.permissions import RULES, On, Rule, routes_of

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457, and the same as what, where, do.",
    "required": ["type", "title", "status", "what", "where", "do"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "what": {"type": "string"},
        "where": {"type": "string"},
        "do": {"type": "string"},
    },
}
_ERRORS = {
    "400": "The request can't be read",
    "401": "Not signed in, or what was shown is not good",
    "403": "Not allowed",
    "404": "There is no such object, or none that may be seen",
    "409": "Not possible in the present state",
    "412": "The object is another than was seen",
    "413": "The request is too large",
    "422": "The request is malformed",
    "429": "Too many requests; see Retry-After",
    "503": "A part that is needed does not answer now",
}


def serve(app: FastAPI) -> None:
    """Serve the description at GET /v1/openapi.json."""

    @app.get("/v1/openapi.json", include_in_schema=False)
    async def description() -> dict[str, Any]:
        return app.openapi()

    app.openapi = lambda: _cached(app)  # type: ignore[method-assign]


def _cached(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = _described(app)
    return app.openapi_schema


def _described(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=version("isthmus"), openapi_version="3.1.0", routes=app.routes)
    components = schema.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "__Host-isthmus"},
    }
    for method, path, _ in routes_of(app):
        operation = schema["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            _describe(method, operation, RULES[method, path])
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    return schema


def _describe(method: str, operation: dict[str, Any], rule: Rule) -> None:
    responses = operation["responses"]
    for status, text in _ERRORS.items():
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses[status] = {"description": text, "content": content}
    operation["parameters"] = [
        each for each in operation.get("parameters", []) if not each["name"].lower().startswith("x-isthmus-")
    ]
    if not operation["parameters"]:
        del operation["parameters"]
    if method == "GET" and "200" in responses:
        responses["304"] = {"description": "Nothing is different from what If-None-Match names"}
    operation["x-permissions"] = list(rule.permissions)
    operation["x-second-factor"] = rule.permission in DANGEROUS
    operation["security"] = [] if rule.on is On.ANYONE else [{"token": []}, {"session": []}]
