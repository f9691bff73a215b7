"""Every permission there is, and the roles that come with the product."""

from __future__ import annotations

from isthmus.access.model import Role

PERMISSIONS: dict[str, str] = {
    "person.read": "See people",
    "person.create": "Create people",
    "person.set": "Change names, groups and whether people are let in",
    "person.password": "Set the password of people's phones",
    "person.delete": "Delete people",
    "person.import": "Create and change many people at once",
    "person.export": "Take out lists of people",
    "person.move": "Move people between sites",
    "person.block": "Block people's accounts, networks and calls after misuse, and take that back",
    "number.assign": "Give and take numbers",
    "device.read": "See people's devices and their last use",
    "device.write": "Make and rename people's devices, and new passwords for them",
    "device.revoke": "Revoke people's devices",
    "move.read": "See moves",
    "move.control": "Pause, resume and cancel moves",
    "registration.read": "See where phones are registered",
    "call.read": "See the calls that are up",
    "group.read": "See groups",
    "group.write": "Change groups",
    "licence.read": "See licences",
    "licence.write": "Assign licences",
    "licence.define": "Say how many licences there are and what they give",
    "policy.read": "See policies",
    "policy.write": "Change and grant policies",
    "directory.read": "See directory sources and their runs",
    "directory.sync": "Synchronise with directory sources",
    "scim.push": "Push people and groups by SCIM",
    "activity.read": "See alerts, and what accounts usually do",
    "activity.judge": "Say which alerts were right and which false alarms",
    "audit.read": "Read the audit log",
    "audit.export": "Take out the audit log",
    "audit.accept": "Let the audit log go on from a restored database",
    "site.read": "See how the site is",
    "snapshot.rebuild": "Compile the snapshot anew",
    "account.read": "See accounts",
    "account.create": "Create accounts",
    "account.set": "Change accounts: names, passwords, whether they are let in",
    "account.delete": "Delete accounts",
    "account.reset-mfa": "Take an account's second factors away",
    "role.read": "See roles and who has them",
    "role.write": "Create, change and delete custom roles",
    "role.grant": "Give and take roles",
    "session.read": "See who is signed in",
    "session.revoke": "End the sessions of others",
    "token.read": "See API tokens",
    "token.create": "Create API tokens of one's own",
    "token.revoke": "Revoke API tokens of others",
    "access.explain": "Ask who may do what",
    "tenant.read": "See tenants, their limits and what they have",
    "tenant.set": "Change a tenant's name and contact",
    "tenant.create": "Create tenants, for who reaches all of them",
    "tenant.delete": "Delete tenants, for who reaches all of them",
    "domain.read": "See a tenant's domains",
    "domain.write": "Claim, verify and remove a tenant's domains",
    "domain.approve": "Vouch for domains without a DNS record, for who reaches all tenants",
}

# What has to be proved by a second factor within the last minutes: it can hurt many, or open the door to it.
DANGEROUS = frozenset(
    {
        "person.delete", "person.import", "person.move", "person.block", "account.create", "account.delete",
        "account.reset-mfa", "account.set", "role.write", "role.grant", "token.create", "directory.sync",
        "audit.accept", "tenant.create", "tenant.delete", "domain.approve",
    }
)  # fmt: skip

# Whoever may not do a thing to an object, but may see it, is told so; others are told that it does not exist.
_SEEN_BY = {
    "person": "person.read", "number": "person.read", "move": "move.read", "device": "device.read",
    "account": "account.read",
    "role": "role.read", "session": "session.read", "token": "token.read", "group": "group.read",
    "activity": "activity.read", "licence": "licence.read", "policy": "policy.read", "directory": "directory.read",
    "tenant": "tenant.read", "domain": "domain.read",
}  # fmt: skip

_READ = frozenset(name for name in PERMISSIONS if name.endswith(".read"))
_PEOPLE = frozenset(
    name for name in PERMISSIONS if name.partition(".")[0] in ("person", "number", "device", "move", "group")
)

_DEVICES = frozenset(name for name in PERMISSIONS if name.startswith("device."))


def seen_by(permission: str) -> str:
    """The permission that lets one see the objects that `permission` is about."""
    return _SEEN_BY.get(permission.partition(".")[0], permission)


def _role(name: str, description: str, permissions: frozenset[str]) -> Role:
    return Role(name, permissions, description, built_in=True)


ROLES: dict[str, Role] = {
    role.name: role
    for role in (
        _role("global", "May do everything", frozenset(PERMISSIONS)),
        _role(
            "user",
            "Looks after people: creates, changes, moves and deletes them, and their licences and accounts",
            _PEOPLE
            | {"registration.read", "call.read", "licence.read", "licence.write", "policy.read", "directory.read"}
            | {"account.read", "account.create", "account.set", "account.reset-mfa", "role.read", "session.read"}
            | {"session.revoke", "access.explain", "site.read", "activity.read", "activity.judge"},
        ),
        _role(
            "voice",
            "Looks after numbers, devices and calling",
            frozenset({"person.read", "number.assign", "registration.read", "call.read", "move.read", "group.read"})
            | {"policy.read", "policy.write", "licence.read", "site.read", "access.explain", "activity.read"}
            | {"activity.judge", "person.block"}
            | _DEVICES,
        ),
        _role(
            "helpdesk",
            "Helps people: sees them, sets passwords and second factors anew, looks after devices, ends sessions",
            frozenset({"person.read", "person.password", "registration.read", "call.read", "move.read", "group.read"})
            | {"account.read", "account.reset-mfa", "session.read", "session.revoke", "policy.read", "site.read"}
            | {"activity.read"}
            | _DEVICES,
        ),
        _role(
            "auditor", "Sees everything, changes nothing", _READ | {"access.explain", "person.export", "audit.export"}
        ),
        _role(
            "provisioner",
            "An identity provider: pushes people and groups by SCIM, and nothing else",
            frozenset({"scim.push"}),
        ),
        _role(
            "self",
            "What everybody who is a person may do with themselves",
            frozenset({"person.read", "registration.read", "call.read"}) | _DEVICES,
        ),
    )
}
