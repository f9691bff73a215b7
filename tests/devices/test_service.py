"""Making, changing and ending devices: at the authority, in either database, and at the other site by the feed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from isthmus.addressing import Aor
from isthmus.database import reading, writing
from isthmus.devices import store
from isthmus.devices.model import Use
from isthmus.devices.service import Devices
from isthmus.devices.tables import metadata as devices_metadata
from isthmus.directory import device_store, wire
from isthmus.directory.model import FeedPage, Person
from isthmus.directory.service import Directory
from isthmus.directory.tables import device_ended
from isthmus.directory.tables import metadata as directory_metadata
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UsageError
from isthmus.routing.snapshot import LmdbSnapshot, SnapshotWriter
from tests.devices.conftest import Clock, rename
from tests.directory.conftest import aor, authority, new, wipe
from tests.directory.test_feed import people_of, pump
from tests.routing.people import config

ALICE = aor("alice")
_DEVICES = wire._Person.__struct_fields__.index("devices")  # where they stand in a person's record on the link


@pytest.fixture(autouse=True)
def alice(directory: Directory) -> Person:
    return directory.create(new("alice"), actor="test")


def add(devices: Devices, label: str = "desk phone", **more: Any) -> tuple[str, str]:
    """Name and secret of a new device of Alice's."""
    owned, secret = devices.add(ALICE, label, actor="test", **more)
    assert secret is not None
    return owned.device.name, secret


def ended(engine: Engine) -> set[tuple[str, str, int]]:
    """What has to end: whose registrations, by which device, with the secret of which generation."""
    with reading(engine) as connection:
        return {(row.aor, row.name, row.generation) for row in connection.execute(select(device_ended))}


class TestTheSecret:
    def test_it_is_kept_nowhere(self, engine: Engine, devices: Devices) -> None:
        name, secret = add(devices, key="k")
        _, rotated = devices.rotate(name, overlap_s=60, actor="test", key="l")
        kept = []
        with reading(engine) as connection:
            for metadata in (directory_metadata, devices_metadata):
                kept += [repr(row) for table in metadata.sorted_tables for row in connection.execute(select(table))]
        assert rotated is not None
        assert any(name in row for row in kept)
        assert not [row for row in kept if secret in row or rotated in row]

    def test_a_second_use_of_a_key_gives_the_device_and_no_secret(self, devices: Devices) -> None:
        first, secret = devices.add(ALICE, "desk phone", actor="test", key="k")
        again, nothing = devices.add(ALICE, "desk phone", actor="test", key="k")
        assert (secret is None, nothing) == (False, None)
        assert again == first
        with pytest.raises(UsageError, match="something else"):
            devices.add(ALICE, "another", actor="test", key="k")
        rotated = devices.rotate(first.device.name, overlap_s=0, actor="test", key="r")
        assert devices.rotate(first.device.name, overlap_s=0, actor="test", key="r") == (rotated[0], None)
        devices.revoke(first.device.name, actor="test", key="x")
        devices.revoke(first.device.name, actor="test", key="x")

    def test_the_audit_log_says_who_did_what_without_it(self, directory: Directory, devices: Devices) -> None:
        name, _ = add(devices)
        devices.rename(name, "phone at home", actor="admin")
        devices.rotate(name, overlap_s=0, actor="admin")
        devices.forbid_md5([name], actor="admin")
        devices.revoke(name, actor="admin")
        entries = directory.audit(str(ALICE))
        assert [entry["action"] for entry in reversed(entries)] == [
            "person.create", "device.add", "device.rename", "device.rotate", "device.forbid_md5", "device.revoke",
        ]  # fmt: skip
        assert "ha1" not in repr(entries)


class TestWhatIsRefused:
    def test_devices_of_nobody(self, devices: Devices) -> None:
        with pytest.raises(NotFoundError):
            devices.add(aor("nobody"), "x", actor="test")
        with pytest.raises(NotFoundError):
            devices.listed(aor("nobody"))

    def test_whatever_is_done_to_a_device_that_is_none(self, devices: Devices) -> None:
        for attempt in (
            lambda: devices.get("dev0000000000"),
            lambda: devices.rename("dev0000000000", "x", actor="test"),
            lambda: devices.rotate("dev0000000000", overlap_s=0, actor="test"),
            lambda: devices.revoke("dev0000000000", actor="test"),
            lambda: devices.forbid_md5(["dev0000000000"], actor="test"),
        ):
            with pytest.raises(NotFoundError, match="isthmus device list"):
                attempt()

    def test_a_label_that_another_device_has(self, devices: Devices) -> None:
        add(devices)
        with pytest.raises(RefusedError, match="already"):
            add(devices)
        other, _ = add(devices, "softphone")
        with pytest.raises(RefusedError, match="already"):
            devices.rename(other, "desk phone", actor="test")
        assert devices.rename(other, "SOFTPHONE", actor="test").device.label == "SOFTPHONE"

    def test_devices_made_anywhere_but_at_the_authority(self, directory: Directory, other_site) -> None:
        away = other_site()
        pump(directory, away)
        with pytest.raises(RefusedError, match="not the authority"):
            Devices(away).add(ALICE, "x", actor="test")

    def test_a_name_is_no_persons_of_the_domain(self, directory: Directory, clock: Clock) -> None:
        draws = iter([b"\x00" * 10, b"\x01" * 10, b"\x02" * 24])
        directory.create(new("dev0000000000"), actor="test")
        name, _ = add(Devices(directory, random=lambda n: next(draws), clock=clock))
        assert name == "dev1111111111"


class TestMd5:
    def test_policy_decides_unless_the_administrator_says_more_strictly(self, directory: Directory) -> None:
        strict = Devices(directory, lambda tenant: lambda person: tenant != "main" or person.aor != ALICE)
        owned, _ = strict.add(ALICE, "one", actor="test")
        assert owned.device.credentials.ha1_md5 == b""
        with pytest.raises(RefusedError, match="forbids MD5"):
            strict.add(ALICE, "two", md5=True, actor="test")
        directory.create(new("bob"), actor="test")
        assert strict.add(aor("bob"), "one", actor="test")[0].device.credentials.ha1_md5
        assert not strict.add(aor("bob"), "two", md5=False, actor="test")[0].device.credentials.ha1_md5

    def test_what_policy_forbids_later_is_taken_away_from_all_whom_it_concerns(self, directory: Directory) -> None:
        allowed = {"alice": True, "bob": True}
        devices = Devices(directory, lambda _: lambda person: allowed[person.aor.user])
        directory.create(new("bob"), actor="test")
        name, _ = add(devices)
        devices.rotate(name, overlap_s=60, actor="test")
        other = devices.add(aor("bob"), "x", actor="test")[0].device.name
        assert devices.forbid_md5(None, actor="test") == []
        allowed["alice"] = False
        assert devices.forbid_md5(None, dry_run=True, actor="test") == [name]
        assert devices.get(name).device.credentials.ha1_md5
        assert devices.forbid_md5(None, actor="test") == [name]
        assert devices.forbid_md5(None, actor="test") == []
        device = devices.get(name).device
        assert (device.credentials.ha1_md5, device.former and device.former.ha1_md5) == (b"", b"")
        assert devices.get(other).device.credentials.ha1_md5


class TestWhatEnds:
    def test_a_revoked_devices_registrations(self, engine: Engine, devices: Devices) -> None:
        name, _ = add(devices)
        assert ended(engine) == set()
        devices.revoke(name, actor="test")
        assert ended(engine) == {(str(ALICE), name, 1)}
        assert devices.listed(ALICE) == []

    def test_a_former_secret_at_its_time(self, engine: Engine, devices: Devices, clock: Clock) -> None:
        name, _ = add(devices)
        devices.rotate(name, overlap_s=60, actor="test")
        clock.now_s += 59
        devices.settle()
        assert devices.get(name).device.generations == (2, 1)
        clock.now_s += 1
        devices.settle()
        assert devices.get(name).device.generations == (2,)
        assert ended(engine) == {(str(ALICE), name, 1)}

    def test_a_secret_that_is_rotated_without_overlap(self, engine: Engine, devices: Devices) -> None:
        name, _ = add(devices)
        devices.rotate(name, overlap_s=60, actor="test")
        devices.rotate(name, overlap_s=0, actor="test")
        assert devices.get(name).device.generations == (3,)
        assert ended(engine) == {(str(ALICE), name, 1), (str(ALICE), name, 2)}

    def test_all_of_a_person_who_is_deleted(self, engine: Engine, directory: Directory, devices: Devices) -> None:
        name, _ = add(devices)
        directory.delete(ALICE, actor="test")
        assert ended(engine) == {(str(ALICE), name, 1)}
        with pytest.raises(NotFoundError):
            devices.get(name)

    def test_a_new_address_in_the_domain_keeps_devices_and_ends_what_was_registered_for_the_old_one(
        self, engine: Engine, directory: Directory, devices: Devices
    ) -> None:
        name, _ = add(devices)
        rename(engine, directory, ALICE, aor("alicia"))
        assert devices.get(name).aor == aor("alicia")
        assert ended(engine) == {(str(ALICE), name, 1)}

    def test_in_another_domain_a_devices_secret_is_none(
        self, engine: Engine, directory: Directory, devices: Devices
    ) -> None:
        directory.add_domain("fabrikam.example", "main", actor="test")
        name, _ = add(devices)
        rename(engine, directory, ALICE, Aor("alice", "fabrikam.example"))
        with pytest.raises(NotFoundError):
            devices.get(name)


class TestTheOtherSite:
    def test_devices_travel_with_their_people(self, directory: Directory, devices: Devices, other_site) -> None:
        away = other_site()
        kept, _ = add(devices)
        gone, _ = add(devices, "lost phone")
        devices.rotate(kept, overlap_s=60, md5=False, actor="test")
        pump(directory, away)
        assert people_of(away) == people_of(directory)
        assert len(away.get(ALICE).devices) == 2
        devices.revoke(gone, actor="test")
        directory.commit_homes([(ALICE, "premises", 1, "online")], actor="test")
        pump(directory, away)
        assert [each.name for each in away.get(ALICE).devices] == [kept]
        assert ended(away.engine) == {(str(ALICE), gone, 1)}
        assert away.summary() == directory.summary()

    def test_a_device_that_is_somebody_elses_before_the_page_in_which_it_is_not_theirs_any_more(
        self, directory: Directory, devices: Devices, other_site, snapshots
    ) -> None:
        """As when two pages cut a rename in two, and the old address comes later."""
        away, (writer, path) = other_site(), snapshots()
        name, _ = add(devices)
        pump(directory, away)
        before = directory.get(ALICE)
        after = replace(before, aor=aor("alicia"))
        writer.rebuild(config(), [_at_home(before)], 0)
        stream, seq = directory.stream(), directory.last_seq()
        for number, person in enumerate(((after.aor, after), (ALICE, None)), seq):
            page = FeedPage(stream, number, number + 1, number + 1, people=(person,))
            away.apply_feed(page, "premises")
            writer.apply([(person[0], _at_home(person[1]))], number + 1)
            assert [each.name for each in away.get(aor("alicia")).devices] == [name]
            assert ended(away.engine) == {(str(ALICE), name, 1)}
        writer.close()
        snapshot = LmdbSnapshot.open(path)
        with snapshot.view() as view:
            found = view.device(name)
            assert found is not None and found.aor == "alicia@contoso.example"
        snapshot.close()

    def test_a_comparison_notices_a_credential_that_differs(
        self, directory: Directory, devices: Devices, other_site
    ) -> None:
        away = other_site()
        add(devices)
        pump(directory, away)
        with writing(away.engine) as connection:
            device_store.delete(connection, [away.get(ALICE)])
        assert away.summary() != directory.summary()

    def test_a_site_of_the_version_before_reads_on_and_is_read(self, directory: Directory, devices: Devices) -> None:
        add(devices)
        page = wire.encode_page(directory.changes_since(0))
        earlier = msgspec.json.decode(page)
        for person in earlier["people"]:
            assert person[_DEVICES]
            del person[10:]
        decoded = wire.decode_page(msgspec.json.encode(earlier))
        assert [person.devices for _, person in decoded.people if person] == [()]

        class Before(msgspec.Struct, array_like=True):
            aor: str
            tenant: str
            display_name: str
            number: str | None
            home: str
            home_epoch: int
            ha1_md5: bytes
            ha1_sha256: bytes
            enabled: bool
            groups: tuple[str, ...]

        people = msgspec.json.decode(page, type=dict[str, msgspec.Raw])["people"]
        assert msgspec.json.decode(people, type=list[Before])[0].aor == str(ALICE)

    @pytest.mark.parametrize(("field", "value"), [(5, "AAAA"), (6, "AAAA"), (7, "AAAA"), (8, "AAAA")])
    def test_a_damaged_credential_is_refused(
        self, directory: Directory, devices: Devices, field: int, value: str
    ) -> None:
        add(devices)
        page = msgspec.json.decode(wire.encode_page(directory.changes_since(0)))
        page["people"][0][_DEVICES][0][field] = value
        with pytest.raises(UsageError, match="damaged"):
            wire.decode_page(msgspec.json.encode(page))


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from(["alice", "bob"]), st.integers(0, 3)),
        st.tuples(st.sampled_from(["revoke", "rotate", "overlap", "settle"]), st.just(""), st.integers(0, 5)),
        st.tuples(st.sampled_from(["delete", "create"]), st.sampled_from(["alice", "bob"]), st.just(0)),
        st.tuples(st.just("rename"), st.sampled_from(["alice", "bob"]), st.sampled_from([0, 1])),
        st.tuples(st.just("feed"), st.just(""), st.integers(1, 3)),
    ),
    min_size=1,
    max_size=10,
)


@pytest.fixture
def snapshots(tmp_path: Path) -> Iterator[Callable[[], tuple[SnapshotWriter, Path]]]:
    made: list[SnapshotWriter] = []

    def make() -> tuple[SnapshotWriter, Path]:
        path = tmp_path / f"snapshot{len(made)}"
        made.append(SnapshotWriter(path))
        return made[-1], path

    yield make
    for writer in made:
        writer.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_whatever_is_done_the_feed_the_snapshot_and_what_has_to_end_agree(
    engine: Engine, shared_other_site: Callable[[], Directory], snapshots, steps: list[tuple[str, str, int]]
) -> None:
    """At the far site every secret that was ever seen there opens the snapshot, or is on the list of what ends."""
    wipe(engine)
    clock = Clock()
    here, away = authority(engine, clock=clock), shared_other_site()
    devices = Devices(here, clock=clock)
    writer, path = snapshots()
    writer.rebuild(config(), [], 0)
    seen: set[tuple[str, str, int]] = set()
    begun = [("create", "alice", 0), ("create", "bob", 0), ("add", "alice", 0), ("add", "bob", 0)]
    steps = [*begun, ("feed", "", 1000), *steps]
    for step in [*steps, ("feed", "", 1000)]:
        if step[0] != "feed":
            _perform(engine, here, devices, clock, step)
            continue
        page = here.changes_since(away.position("premises"), step[2])
        while page.to_seq > away.position("premises"):
            away.apply_feed(wire.decode_page(wire.encode_page(page)), "premises")
            writer.apply([(each, _at_home(person)) for each, person in page.people], page.to_seq)
            seen |= _open(away)
            page = here.changes_since(page.to_seq, step[2])
    assert _open(away) == _open(here)
    assert seen - _open(away) <= ended(away.engine)
    assert not _open(away) & (ended(away.engine) - seen)
    writer.close()
    snapshot = LmdbSnapshot.open(path)
    with snapshot.view() as view:
        names = {name for _, name, _ in seen}
        found = {name: view.device(name) for name in names}
    snapshot.close()
    now = {name: (owner, generation) for owner, name, generation in sorted(_open(here))}
    assert {n: (d.aor, d.generation) for n, d in found.items() if d is not None} == now


def _at_home(person: Person | None) -> Person | None:
    """With the tenant that the snapshot of the test knows."""
    return person and replace(person, tenant="contoso")


def _open(directory: Directory) -> set[tuple[str, str, int]]:
    """Every secret that opens something: whose, of which device, of which generation."""
    return {
        (str(person.aor), device.name, generation)
        for person in directory.everybody()[1]
        for device in person.devices
        for generation in device.generations
    }


def _perform(engine: Engine, directory: Directory, devices: Devices, clock: Clock, step: tuple[str, str, int]) -> None:
    what, user, number = step
    known = devices.listed()
    name = known[number % len(known)].device.name if known else "dev0000000000"
    try:
        if what == "add":
            devices.add(aor(user), f"phone {number}", actor="test")
        elif what == "revoke":
            devices.revoke(name, actor="test")
        elif what in ("rotate", "overlap"):
            devices.rotate(name, overlap_s=60 if what == "overlap" else 0, actor="test")
        elif what == "settle":
            clock.now_s += 20 * number
            devices.settle()
        elif what == "create":
            directory.create(new(user), actor="test")
        elif what == "delete":
            directory.delete(aor(user), actor="test")
        else:
            rename(engine, directory, *((aor(user), aor(f"{user}-b")) if number else (aor(f"{user}-b"), aor(user))))
    except (IsthmusError, AssertionError):
        pass  # refused: nothing may have changed, which is what is looked at in the end


def test_what_was_seen_of_strangers_is_not_kept(engine: Engine, devices: Devices) -> None:
    name, _ = add(devices)
    with writing(engine) as connection:
        store.put_uses(connection, [Use(each, 1, 5, "192.0.2.1", "udp", "") for each in (name, "dev9999999999")])
    with reading(engine) as connection:
        assert set(store.uses(connection, [name, "dev9999999999"])) == {name}
