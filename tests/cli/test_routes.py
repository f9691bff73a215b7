"""Generated: what the command line asks for is what the API has, and the API has nothing that it can't do.

The requests are read from the commands' own source, since no run of commands could show that one is missing.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from isthmus import cli
from isthmus.api.permissions import RULES

_METHODS = {"get": "GET", "post": "POST", "patch": "PATCH", "put": "PUT", "delete": "DELETE", "pages": "GET"}
# Routes for who signs in by a page, for programs that are no command line, and what is asked one step at a time.
NO_COMMAND = {
    ("GET", "/"), ("GET", "/account"), ("GET", "/assets/{name}"), ("GET", "/healthz"), ("GET", "/v1/openapi.json"),
    ("GET", "/v1/people/export"),  # the command makes the file of what it lists
    ("GET", "/phone"), ("GET", "/phone/assets/{name}"), ("GET", "/phone/{path}"),  # the web application
    ("GET", "/console"), ("GET", "/console/{path}"),  # as well
    ("GET", "/v1/sites"),  # `site status` reads what the supervisors of this machine say
    ("GET", "/v1/calls/reaching"),  # `call explain --reverse` as well
    ("GET", "/v1/calls/explain"),  # `call explain` needs no control service: it reads the snapshots
    ("GET", "/v1/contacts"),  # for the web phone; `user list` is the command of who may see people
    ("GET", "/v1/people/count"), ("GET", "/v1/licences/features"),
    ("GET", "/v1/operations/{operation}"), ("GET", "/v1/operations/{operation}/events"),  # move show, directory runs
    ("GET", "/v1/link"),  # in health
    ("GET", "/alerts"), ("GET", "/devices"),  # pages; the commands ask the API as they do
    ("GET", "/v1/people/{aor}/photo"),  # a picture
    ("POST", "/v1/messages/files"), ("GET", "/v1/messages/{message}/file"),  # of the web phone's conversations
    ("POST", "/v1/connectors/enrol"),  # asked by a machine that knows no site yet
    ("GET", "/v1/media/ice"), ("POST", "/v1/calls/reports"),  # of browsers
    ("GET", "/v1/metrics"),  # for a monitoring system
}  # fmt: skip
_PROTOCOLS = ("/oauth/", "/.well-known/")  # of programs that sign people in


def asked() -> Iterator[tuple[str, str]]:
    """Method and path of each request in the commands' source; whatever is put into a path as {}."""
    for file in sorted(Path(cli.__file__).parent.glob("*.py")):
        tree = ast.parse(file.read_text())
        makers = {each.name: each for each in _imported(tree) + tree.body if isinstance(each, ast.FunctionDef)}
        for call in ast.walk(tree):
            if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.args):
                continue
            if not (isinstance(call.func.value, ast.Name) and call.func.value.id in ("client", "api")):
                continue
            if call.func.attr == "lines":
                method, path = ast.literal_eval(call.args[0]), call.args[1]
            elif call.func.attr in _METHODS:
                method, path = _METHODS[call.func.attr], call.args[0]
            else:
                continue
            for text in _texts(path, makers):
                yield method, text


def _texts(node: ast.expr, makers: dict[str, ast.FunctionDef]) -> Iterator[str]:
    """What the expression can be, with {} for what is put in."""
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.IfExp):
        yield from _texts(node.body, makers)
        yield from _texts(node.orelse, makers)
    elif isinstance(node, ast.JoinedStr):
        found = [""]
        for part in node.values:
            value = part.value if isinstance(part, ast.FormattedValue) else part
            texts = list(_texts(value, makers)) or ["{}"]
            found = [before + text for before in found for text in texts]
        yield from found
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "query":
            yield from _texts(node.args[0], makers)
        elif node.func.id in makers:
            for each in ast.walk(makers[node.func.id]):
                if isinstance(each, ast.Return) and each.value is not None:
                    yield from _texts(each.value, makers)


def _imported(tree: ast.Module) -> list[ast.stmt]:
    """The functions of the modules that commands are imported from."""
    folder = Path(cli.__file__).parent
    names = [each.module.rpartition(".")[2] for each in tree.body if isinstance(each, ast.ImportFrom) and each.module]
    files = [folder / f"{name}.py" for name in names]
    return [each for file in files if file.exists() for each in ast.parse(file.read_text()).body]


def _matches(path: str, route: str) -> bool:
    """Part by part; what is put in at either side fits anything."""
    parts, wanted = path.partition("?")[0].split("/"), route.split("/")
    pairs = zip(parts, wanted, strict=False)
    return len(parts) == len(wanted) and all("{" in part or "{" in other or part == other for part, other in pairs)


ON_CONNECTORS = {("GET", "/v1/survivability")}
"""What only the one application of a connector has (api/connector.py)."""

ASKED = sorted(set(asked()))


def test_the_requests_are_found():
    assert len(ASKED) > 60
    assert ("POST", "/v1/people") in ASKED
    assert ("PATCH", "/v1/tenants/{}") in ASKED


@pytest.mark.parametrize("request_", ASKED, ids=" ".join)
def test_every_request_of_a_command_has_its_route(request_: tuple[str, str]):
    method, path = request_
    if request_ in ON_CONNECTORS:
        return
    assert any(method == known and _matches(path, route) for known, route in RULES) or path == "{}"


@pytest.mark.parametrize("route", RULES, ids=" ".join)
def test_every_route_has_a_command(route: tuple[str, str]):
    method, path = route
    if route in NO_COMMAND or path.startswith(("/v1/session/", "/scim/", *_PROTOCOLS)) or path == "/v1/session":
        return
    assert any(method == verb and _matches(text, path) for verb, text in ASKED)
