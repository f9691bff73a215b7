"""`isthmus role`: what roles there are, and who holds them."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

import typer

from isthmus.cli.account import GroupsOption, SitesOption, TenantsOption, path_of, scope_text
from isthmus.cli.client import connect
from isthmus.cli.output import JsonOption, SiteOption, print_done, print_fields, print_json, print_line, print_table
from isthmus.errors import NotFoundError, UsageError

app = typer.Typer(no_args_is_help=True)

RoleArgument = Annotated[str, typer.Argument(metavar="ROLE", help="The role's name.")]
_Account = Annotated[str, typer.Argument(metavar="NAME", help="The account's name.")]
_Tenant = Annotated[str | None, typer.Option("--tenant", help="Whose custom role; by default the site's own tenant.")]


@app.command("list", epilog="Examples:  isthmus role list   |   isthmus role list --permissions")
def list_roles(
    permissions: Annotated[bool, typer.Option("--permissions", help="List the permissions instead.")] = False,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """List the roles, or the permissions that roles are made of."""
    with connect(site) as client:
        found = client.get("/v1/access/permissions" if permissions else "/v1/roles")
    if as_json:
        print_json(found)
    elif permissions:
        rows = ((p["name"], p["description"], "second factor" if p["second_factor"] else None) for p in found)
        print_table(("Permission", "What it is for", "Needs"), rows)
    else:
        roles = ((r["name"], r["tenant"] or "(built in)", len(r["permissions"]), r["description"]) for r in found)
        print_table(("Role", "Tenant", "Permissions", "What it is for"), roles)


@app.command(epilog="Example:  isthmus role show helpdesk")
def show(role: RoleArgument, tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Show a role's permissions, and who holds it."""
    with connect(site) as client:
        found = client.get(_path(role), tenant=tenant)
    if as_json:
        print_json(found)
        return
    fields = [("Role", found["name"]), ("For", found["description"]), ("Permissions", ", ".join(found["permissions"]))]
    fields += [("Held by", f"{held['account']} ({scope_text(held)})") for held in found["holders"]]
    print_fields(fields)


@app.command(
    epilog="Example:  isthmus role create reception --permission person.read --permission call.read "
    "--description 'The desk in the hall'"
)
def create(
    role: RoleArgument,
    permission: Annotated[list[str], typer.Option("--permission", help="One of `isthmus role list --permissions`.")],
    description: Annotated[str, typer.Option("--description", help="What it is for.")] = "",
    tenant: _Tenant = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Create a custom role, or set an existing one anew."""
    body = {"permissions": permission, "description": description, "tenant": tenant}
    with connect(site) as client:
        made: dict[str, Any] = client.put(_path(role), body)
    if as_json:
        print_json(made)
    else:
        print_line(f"role {made['name']}: {', '.join(made['permissions'])}")


@app.command(epilog="Example:  isthmus role delete reception")
def delete(role: RoleArgument, tenant: _Tenant = None, as_json: JsonOption = False, site: SiteOption = None) -> None:
    """Delete a custom role that nobody holds."""
    with connect(site) as client:
        client.delete(_path(role), tenant=tenant)
    print_done(f"deleted role {role}", {"role": role, "deleted": True}, as_json)


@app.command(
    epilog="Examples:  isthmus role grant global anna   |   isthmus role grant helpdesk ben --group-scope sales   |   "
    "isthmus role grant voice ben --site-scope online"
)
def grant(
    role: RoleArgument,
    name: _Account,
    tenant_scope: TenantsOption = None,
    site_scope: SitesOption = None,
    group_scope: GroupsOption = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Give an account a role, for everything in its tenant or for some of it."""
    body = {"role": role, "tenants": tenant_scope, "sites": site_scope, "groups": group_scope}
    with connect(site) as client:
        held = client.post(f"{path_of(name)}/roles", body)
    if as_json:
        print_json(held)
    else:
        print_line(f"{name} holds {held['role']} ({scope_text(held)}), id {held['id']}")


@app.command(
    epilog="Examples:  isthmus role revoke helpdesk ben   |   isthmus role revoke helpdesk ben --id 3f2a9c01d4e5"
)
def revoke(
    role: RoleArgument,
    name: _Account,
    grant_id: Annotated[str | None, typer.Option("--id", help="Which, where it is held more than once.")] = None,
    as_json: JsonOption = False,
    site: SiteOption = None,
) -> None:
    """Take a role from an account."""
    with connect(site) as client:
        held = [
            each
            for each in client.get(path_of(name))["roles"]
            if each["role"] == role and grant_id in (None, each["id"])
        ]
        if not held:
            raise NotFoundError(f"{name} does not hold {role}", do=f"See: isthmus account show {name}")
        if len(held) > 1:
            raise UsageError(f"{name} holds {role} {len(held)} times", do="Say which, with --id.")
        client.delete(f"{path_of(name)}/roles/{held[0]['id']}")
    text = f"{name} no longer holds {role} ({scope_text(held[0])})"
    print_done(text, {"account": name, "role": role, "id": held[0]["id"], "revoked": True}, as_json)


def _path(role: str) -> str:
    return f"/v1/roles/{quote(role, safe='')}"
