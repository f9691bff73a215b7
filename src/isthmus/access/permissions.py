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
    "number.read": "See the inventory of numbers",
    "number.assign": "Give and take numbers",
    "number.port": "Order the porting of numbers",
    "number.buy": "Find and buy numbers at carriers",
    "number.write": "Put numbers into tenants' inventories and take them out, for who reaches all of them",
    "device.read": "See people's devices and their last use",
    "device.write": "Make and rename people's devices, and new passwords for them",
    "device.revoke": "Revoke people's devices",
    "move.read": "See moves",
    "move.control": "Pause, resume and cancel moves",
    "registration.read": "See where phones are registered",
    "call.read": "See calls: those that are up, and records of those that are over",
    "call.end": "End calls that are up",
    "call.export": "Take out call records",
    "rate.read": "See what calls cost",
    "rate.write": "Change what calls cost",
    "plan.read": "See calling plans, what is used of them, and credit",
    "plan.assign": "Give people calling plans, and say which countries nobody calls",
    "plan.write": "Define calling plans, for who reaches all tenants",
    "credit.write": "Add calling credit, for who reaches all tenants",
    "group.read": "See groups",
    "group.write": "Change groups",
    "licence.read": "See licences",
    "licence.write": "Assign licences",
    "licence.define": "Say how many licences there are and what they give",
    "policy.read": "See policies",
    "policy.write": "Change and grant policies",
    "route.read": "See voice routes to the PSTN",
    "route.write": "Change voice routes to the PSTN",
    "connector.read": "See connectors and how they are",
    "connector.write": "Invite, change, drain and remove connectors",
    "location.read": "See emergency places, what leads to them, and where a device would be found",
    "location.write": "Change emergency places, and what leads to them",
    "address.read": "See the emergency addresses that people gave for themselves",
    "address.write": "Set people's own emergency addresses",
    "message.export": "Take out all that somebody wrote and was written, which the audit log tells",
    "presence.write": "Set people's presence, and who sees how much of it",
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
        "audit.accept", "message.export", "tenant.create", "tenant.delete", "domain.approve",
    }
)  # fmt: skip

# Whoever may not do a thing to an object, but may see it, is told so; others are told that it does not exist.
_SEEN_BY = {
    "person": "person.read", "number": "person.read", "move": "move.read", "device": "device.read",
    "account": "account.read", "call": "call.read",
    "role": "role.read", "session": "session.read", "token": "token.read", "group": "group.read",
    "activity": "activity.read", "licence": "licence.read", "policy": "policy.read", "directory": "directory.read",
    "route": "route.read", "tenant": "tenant.read", "domain": "domain.read", "rate": "rate.read",
    "location": "location.read", "address": "person.read", "plan": "plan.read", "credit": "plan.read",
    "connector": "connector.read", "presence": "person.read", "message": "person.read",
}  # fmt: skip

_READ = frozenset(name for name in PERMISSIONS if name.endswith(".read"))
_PEOPLE = frozenset(
    name for name in PERMISSIONS if name.partition(".")[0] in ("person", "number", "device", "move", "group")
)

_LOCATIONS = frozenset(name for name in PERMISSIONS if name.partition(".")[0] in ("location", "address"))
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
            frozenset({"person.read", "registration.read", "call.read", "move.read", "group.read"})
            | {"number.read", "number.assign", "number.port", "number.write", "number.buy"}
            | {"plan.read", "plan.assign", "plan.write", "credit.write"}
            | {"call.export", "rate.read", "rate.write"}
            | {"policy.read", "policy.write", "licence.read", "site.read", "access.explain", "activity.read"}
            | {"activity.judge", "person.block", "route.read", "route.write", "call.end"}
            | _DEVICES
            | _LOCATIONS,
        ),
        _role(
            "helpdesk",
            "Helps people: sees them, sets passwords and second factors anew, looks after devices, ends sessions",
            frozenset({"person.read", "person.password", "registration.read", "call.read", "move.read", "group.read"})
            | {"account.read", "account.reset-mfa", "session.read", "session.revoke", "policy.read", "site.read"}
            | {"activity.read", "location.read"}
            | _DEVICES,
        ),
        _role(
            "auditor",
            "Sees everything, changes nothing",
            _READ | {"access.explain", "person.export", "audit.export", "call.export"},
        ),
        _role(
            "provisioner",
            "An identity provider: pushes people and groups by SCIM, and nothing else",
            frozenset({"scim.push"}),
        ),
        _role(
            "self",
            "What everybody who is a person may do with themselves",
            frozenset(
                {"person.read", "registration.read", "call.read", "address.read", "address.write", "presence.write"}
            )
            | _DEVICES,
        ),
    )
}
