"""The description of the API (OpenAPI 3.1), generated from the routes and their rules."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from isthmus.access.permissions import DANGEROUS
from isthmus.api.idempotency import PATTERN, takes_key
from isthmus.api.permissions import RULES, On, Rule, routes_of
from isthmus.api.preconditions import conditional
from isthmus.api.shapes import ANSWERS
from isthmus.api.titles import TAGS, TITLES, tag_of

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
    shapes = _shapes(components["schemas"])
    for method, path, _ in routes_of(app):
        operation = schema["paths"].get(path, {}).get(method.lower())
        if operation is not None:
            _describe(method, operation, RULES[method, path])
            _name(method, path, operation)
            _add_headers(method, path, operation)
            if (method, path) in shapes:
                _answers(operation, shapes[method, path])
    schema["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
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


def _name(method: str, path: str, operation: dict[str, Any]) -> None:
    """A KeyError here is a route that api/titles.py does not name."""
    operation["operationId"], operation["summary"] = TITLES[method, path]
    operation["tags"] = [tag_of(path)]


def _add_headers(method: str, path: str, operation: dict[str, Any]) -> None:
    """What the middleware takes; some routes declare the same for themselves."""
    kept = [each for each in operation.get("parameters", []) if each["name"].lower() not in _HEADERS]
    if takes_key(method, path):
        kept.append(_header("Idempotency-Key", "Asked again with the same key, it is done once.", PATTERN))
    if conditional(method, path):
        kept.append(_header("If-Match", "ETag of the object as it was seen; 412 if it was changed since.", None))
    if kept:
        operation["parameters"] = kept
    else:
        operation.pop("parameters", None)


_HEADERS = ("idempotency-key", "if-match")


def _header(name: str, about: str, pattern: str | None) -> dict[str, Any]:
    form = {"type": "string"} | ({"pattern": pattern} if pattern else {"maxLength": 200})
    return {"name": name, "in": "header", "required": False, "description": about, "schema": form}


def _shapes(schemas: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    """The schema of each answer; models that they share are put to the others."""
    mode: Literal["serialization"] = "serialization"
    given = [(key, mode, TypeAdapter(shape)) for key, shape in ANSWERS.items()]
    found, shared = TypeAdapter.json_schemas(given, ref_template="#/components/schemas/{model}")
    schemas.update(shared.get("$defs", {}))
    return {key: schema for (key, _), schema in found.items()}


def _answers(operation: dict[str, Any], schema: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if status.startswith("2") and "application/json" in response.get("content", {}):
            response["content"]["application/json"]["schema"] = schema
