"""The write path of devices, at the authority; and what is known of them, at every site."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from isthmus.access import rules as access
from isthmus.access.model import EVERYTHING, Reach
from isthmus.addressing import Aor
from isthmus.database import reading
from isthmus.devices import rules, store
from isthmus.devices.model import Owned
from isthmus.devices.rules import RandomBytes
from isthmus.directory import device_store
from isthmus.directory import rules as directory_rules
from isthmus.directory import store as directory_store
from isthmus.directory.journal import PERSON, Journal
from isthmus.directory.model import Device, Person
from isthmus.directory.service import Directory
from isthmus.errors import NotFoundError, UsageError

_SETTLED_BY = "overlap"  # who the audit log says has ended a former secret
_PAGE = 500
_Change = Callable[[Owned, list[Device], int], Device | None]


def _everybody_may(_tenant: str) -> Callable[[Person], bool]:
    return lambda _: True


class Devices:
    """The devices of one site's directory.

    may_use_md5: for a tenant, a function that says so of each of its people. random: gives so many random bytes.
    clock: seconds since 1970.
    """

    def __init__(
        self,
        directory: Directory,
        may_use_md5: Callable[[str], Callable[[Person], bool]] = _everybody_may,
        random: RandomBytes = secrets.token_bytes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory, self._may_use_md5, self._random, self._clock = directory, may_use_md5, random, clock

    # Reading

    def listed(
        self, aor: Aor | None = None, *, after: str | None = None, limit: int = 1000, reach: Reach = EVERYTHING
    ) -> list[Owned]:
        """Devices in the order of their names, of one person or of all within reach.

        Raises NotFoundError for an address that is nobody's within reach.
        """
        if not 1 <= limit <= 10_000:
            raise UsageError(f"a limit of {limit} is not between 1 and 10000")
        if aor is not None:
            self._directory.get(aor, reach)
        with reading(self._directory.engine) as connection:
            return store.owned(connection, aor=aor, after=after, limit=limit, reach=reach)

    def get(self, name: str, reach: Reach = EVERYTHING) -> Owned:
        """One device. Raises NotFoundError, also for one of somebody out of reach."""
        with reading(self._directory.engine) as connection:
            return _existing(connection, name, reach)[0]

    # Writing

    def add(
        self,
        aor: Aor,
        label: str,
        *,
        md5: bool | None = None,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
    ) -> tuple[Owned, str | None]:
        """Make a device with a credential. Returns its secret, which is kept nowhere: None at a key's second use.

        md5: whether it may use that; None where its person's policy decides. Raises NotFoundError, UsageError (label),
        RefusedError (label taken, too many, MD5 forbidden, not the authority).
        """
        by_md5 = self._by_md5(self._directory.get(aor, reach), md5, otherwise=True)

        def work(log: Journal) -> tuple[Owned, str | None]:
            person = access.seen(
                directory_store.people_by_aor(log.connection, [aor]).get(aor),
                reach,
                directory_rules.as_object,
                lambda: NotFoundError(f"nobody is called {aor}", do="To see who is there: isthmus user list"),
            )
            rules.may_have_another(aor, person.devices)
            checked = rules.checked_label(label, person.devices)
            name, secret = self._free_name(log.connection, aor), rules.new_secret(self._random)
            made = Device(name, checked, rules.credentials(name, aor, secret, md5=by_md5), log.at_ms, log.at_ms)
            _put(log, person, [*person.devices, made])
            owned = Owned(aor, person.tenant, made)
            log.entry("device.add", str(aor), None, public(owned))
            return owned, secret

        return self._write(actor, key, ("device.add", aor, label, md5), work, reach)

    def rename(self, name: str, label: str, *, actor: str, key: str | None = None, reach: Reach = EVERYTHING) -> Owned:
        """Give a device another label. Raises as `add`."""

        def change(owned: Owned, others: list[Device], _: int) -> Device:
            return replace(owned.device, label=rules.checked_label(label, others))

        return self._write(
            actor, key, ("device.rename", name, label), _changing(name, "device.rename", change, reach), reach
        )[0]

    def rotate(
        self,
        name: str,
        *,
        overlap_s: int,
        md5: bool | None = None,
        actor: str,
        key: str | None = None,
        reach: Reach = EVERYTHING,
    ) -> tuple[Owned, str | None]:
        """Make a new secret for a device. The one before stays good for `overlap_s` seconds; with 0 it ends now.

        md5: whether the new one serves for that; None leaves it as it is. Returns and raises as `add`.
        """
        rules.checked_overlap(overlap_s)
        before = self.get(name, reach)
        by_md5 = self._by_md5(self._directory.get(before.aor), md5, otherwise=bool(before.device.credentials.ha1_md5))
        secret = rules.new_secret(self._random)

        def change(owned: Owned, _: list[Device], now_ms: int) -> Device:
            device = owned.device
            made = rules.credentials(device.name, owned.aor, secret, md5=by_md5)
            return rules.rotated(rules.settled(device, now_ms), made, now_ms, overlap_s)

        work = _changing(name, "device.rotate", change, reach)
        return self._write(
            actor, key, ("device.rotate", name, overlap_s, md5), lambda log: (work(log)[0], secret), reach
        )

    def revoke(self, name: str, *, actor: str, key: str | None = None, reach: Reach = EVERYTHING) -> None:
        """End a device: its credential opens nothing any more, and what it registered ends. Raises NotFoundError."""
        work = _changing(name, "device.revoke", lambda *_: None, reach)
        self._directory.write(actor, work, key=key, request=("device.revoke", name), decode=lambda *_: None)

    def forbid_md5(
        self, names: Sequence[str] | None, *, dry_run: bool = False, actor: str, reach: Reach = EVERYTHING
    ) -> list[str]:
        """Take away what lets devices prove themselves by MD5; a new secret alone can bring it back.

        names: of which; None for all whose people's policies forbid it. Returns those that could, and now can't.
        Raises NotFoundError; devices before that one are done then.
        """
        if names is None:
            found = self._by_policy(reach)
        else:
            found = [each for each in (self.get(name, reach) for name in names) if _speaks_md5(each)]
        if not dry_run:
            for each in found:
                work = _changing(
                    each.device.name, "device.forbid_md5", lambda owned, *_: rules.without_md5(owned.device), reach
                )
                self._directory.write(actor, work)
        return [each.device.name for each in found]

    def _by_policy(self, reach: Reach) -> list[Owned]:
        """Devices that can prove themselves by MD5 though the policy of their people forbids it."""
        found: list[Owned] = []
        judges: dict[str, Callable[[Person], bool]] = {}
        after: str | None = None
        while page := self.listed(after=after, limit=_PAGE, reach=reach):
            after = page[-1].device.name
            people = self._directory.get_many({each.aor for each in page})
            for each in page:
                judge = judges.get(each.tenant) or judges.setdefault(each.tenant, self._may_use_md5(each.tenant))
                if _speaks_md5(each) and each.aor in people and not judge(people[each.aor]):
                    found.append(each)
        return found

    def _by_md5(self, person: Person, wanted: bool | None, *, otherwise: bool) -> bool:
        allowed = self._may_use_md5(person.tenant)(person)
        return rules.by_md5(wanted, otherwise, allowed=allowed, aor=person.aor)

    def settle(self) -> None:
        """End the former secrets whose time is over. At the authority, now and then; elsewhere it does nothing.

        They open nothing from that time on in any case: this takes away what is kept of them, and what they registered.
        """
        if not self._directory.is_authority:
            return
        with reading(self._directory.engine) as connection:
            names = store.with_former_until(connection, int(self._clock() * 1000))
        for name in names:
            work = _changing(name, "device.settle", lambda owned, _, now_ms: rules.settled(owned.device, now_ms))
            try:
                self._directory.write(_SETTLED_BY, work)
            except NotFoundError:
                continue  # revoked meanwhile

    def _free_name(self, connection: Connection, aor: Aor) -> str:
        """A name that no device has, and no person of the domain, whose own credential it would shadow."""
        while True:
            name = rules.new_name(self._random)
            bearer = Aor(name, aor.domain)
            taken = device_store.by_name(connection, [name]) or directory_store.people_by_aor(connection, [bearer])
            if not taken:
                return name

    def _write(
        self,
        actor: str,
        key: str | None,
        request: object,
        work: Callable[[Journal], tuple[Owned, str | None]],
        reach: Reach,
    ) -> tuple[Owned, str | None]:
        return self._directory.write(
            actor,
            work,
            key=key,
            request=request,
            encode=lambda result: result[0].device.name,
            decode=lambda connection, stored: (_existing(connection, stored, reach)[0], None),
        )


def public(owned: Owned) -> dict[str, Any]:
    """A device as the API, the CLI and the audit log show it: all but the secrets. Times in seconds since 1970."""
    device = owned.device
    return {
        "name": device.name,
        "aor": str(owned.aor),
        "tenant": owned.tenant,
        "label": device.label,
        "md5": bool(device.credentials.ha1_md5),
        "created": device.created_ms / 1000,
        "secret_made": device.secret_ms / 1000,
        "generation": device.generation,
        "former_until": device.former_until_ms / 1000 if device.former else None,
    }


def _changing(
    name: str, action: str, change: _Change, reach: Reach = EVERYTHING
) -> Callable[[Journal], tuple[Owned, str | None]]:
    """Work that lets a device be what `change` makes of it, given it, its person's others, and the time; None ends it.

    Gives the device as it is then; one that is no more as it was.
    """

    def work(log: Journal) -> tuple[Owned, str | None]:
        before, person = _existing(log.connection, name, reach)
        others = [each for each in person.devices if each.name != name]
        device = change(before, others, log.at_ms)
        if device is None:
            _put(log, person, others)
            log.entry(action, str(before.aor), public(before), None)
            return before, None
        after = replace(before, device=device)
        if after != before:
            _put(log, person, [*others, device])
            log.entry(action, str(before.aor), public(before), public(after))
        return after, None

    return work


def _put(log: Journal, person: Person, devices: list[Device]) -> None:
    ordered = tuple(sorted(devices, key=lambda each: each.name))
    device_store.put(log.connection, [replace(person, devices=ordered)])
    log.changed(PERSON, str(person.aor))


def _speaks_md5(owned: Owned) -> bool:
    former = owned.device.former
    return bool(owned.device.credentials.ha1_md5 or (former and former.ha1_md5))


def _existing(connection: Connection, name: str, reach: Reach) -> tuple[Owned, Person]:
    found = store.one(connection, name)
    owners = directory_store.people_by_aor(connection, [found.aor] if found else [])
    person = access.seen(
        owners.get(found.aor) if found else None,
        reach,
        directory_rules.as_object,
        lambda: NotFoundError(f"there is no device {name!r}", do="To see which there are: isthmus device list"),
    )
    assert found is not None
    return found, person
