"""The description of the API (OpenAPI 3.1), generated from the routes and their rules."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from isthmus.access.permissions import DANGEROUS
from isthmus.api.idempotent import HEADER, is_kept
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
_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": "A key of your own: the same request with it again gets the first answer, and changes nothing.",
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


_TAGS = {
    "people": "Who there is, where they live, their numbers",
    "devices": "The credentials of people's phones",
    "groups": "Groups of people and of groups",
    "licences": "How many there are of each plan, and who has one",
    "policies": "What people may do, and by which dial plan they dial",
    "directory": "Where people come from: sources, runs, conflicts",
    "scim": "What an identity provider pushes",
    "moves": "People on their way from one site to the other",
    "operations": "Long work and how far it is",
    "registrations": "Where phones are registered",
    "calls": "Calls that are up",
    "activity": "Alerts, what is usual, blocks",
    "audit": "Who changed what",
    "tenants": "Tenants, their limits and domains",
    "accounts": "Who can sign in, and their roles, tokens and sessions",
    "session": "One's own sign-in",
    "access": "Who may do what",
    "site": "The site itself: health, links, snapshot",
}
# Where the second part of a path is not the tag's own name.
_FILED = {
    "domains": "tenants", "roles": "accounts", "tokens": "accounts", "sessions": "accounts", "session": "session",
    "health": "site", "link": "site", "snapshot": "site", "status": "site",
}  # fmt: skip


def tag_of(path: str) -> str:
    """Under what a route is described."""
    parts = path.split("/")
    second = parts[2] if len(parts) > 2 and parts[1] == "v1" else "site"
    return _FILED.get(second, second)


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
            _describe(method, path, operation, RULES[method, path])
    schema["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    return schema


def _describe(method: str, path: str, operation: dict[str, Any], rule: Rule) -> None:
    responses = operation["responses"]
    for status, text in _ERRORS.items():
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        responses[status] = {"description": text, "content": content}
    operation["parameters"] = [
        each for each in operation.get("parameters", []) if not each["name"].lower().startswith("x-isthmus-")
    ]
    if is_kept(method, path) and not any(each["name"].lower() == HEADER for each in operation["parameters"]):
        operation["parameters"].append(_KEY)
    if not operation["parameters"]:
        del operation["parameters"]
    if method == "GET" and "200" in responses:
        responses["304"] = {"description": "Nothing is different from what If-None-Match names"}
    operation["tags"] = [tag_of(path)]
    operation["x-permissions"] = list(rule.permissions)
    operation["x-second-factor"] = rule.permission in DANGEROUS
    operation["security"] = [] if rule.on is On.ANYONE else [{"token": []}, {"session": []}]
