"""The write path of the directory, on SQLite and on PostgreSQL."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from isthmus.addressing import Aor
from isthmus.database import open_database, reading, writing
from isthmus.directory.model import Credentials, NewPerson, PersonChanges
from isthmus.directory.service import Directory
from isthmus.errors import IsthmusError, NotFoundError, RefusedError, UsageError
from tests.directory.conftest import aor, authority, new


def test_a_person_is_found_as_created(directory: Directory):
    person = directory.create(new("alice", "+14255550101", groups=("sales", "board")), actor="test")
    assert directory.get(aor("alice")) == person
    assert (person.tenant, person.home, person.home_epoch) == ("main", "premises", 1)
    assert person.groups == ("board", "sales")
    assert person.credentials == Credentials.of(aor("alice"), "secret")


def test_who_does_not_exist_is_not_found(directory: Directory):
    for attempt in (
        lambda: directory.get(aor("zoe")),
        lambda: directory.set(aor("zoe"), PersonChanges(enabled=False), actor="test"),
        lambda: directory.delete(aor("zoe"), actor="test"),
    ):
        with pytest.raises(NotFoundError, match="nobody is called zoe"):
            attempt()


def test_an_address_exists_once(directory: Directory):
    directory.create(new("alice"), actor="test")
    with pytest.raises(RefusedError, match="exists already"):
        directory.create(new("alice"), actor="test")


def test_a_taken_number_is_refused_naming_its_owner(directory: Directory):
    directory.create(new("alice", "+14255550101"), actor="test")
    directory.create(new("bob"), actor="test")
    with pytest.raises(RefusedError, match="belongs to alice@"):
        directory.create(new("carol", "+14255550101"), actor="test")
    with pytest.raises(RefusedError, match="belongs to alice@"):
        directory.set(aor("bob"), PersonChanges(number="+14255550101"), actor="test")


def test_an_owner_of_another_tenant_is_not_named(directory: Directory):
    directory.create_tenant("fabrikam", actor="test")
    directory.add_domain("fabrikam.example", "fabrikam", actor="test")
    directory.create(new("alice", "+14255550101"), actor="test")
    stranger = Aor("eve", "fabrikam.example")
    with pytest.raises(RefusedError, match="somebody of another tenant"):
        directory.create(
            NewPerson(stranger, "Eve", "online", Credentials.of(stranger, "x"), "+14255550101"), actor="test"
        )


def test_the_database_itself_refuses_a_second_owner(directory: Directory, engine: Engine):
    directory.create(new("alice", "+14255550101"), actor="test")
    directory.create(new("bob"), actor="test")
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(text("UPDATE person SET number = '+14255550101' WHERE aor = 'bob@contoso.example'"))


def test_all_faults_are_told_at_once(directory: Directory):
    bad = NewPerson(Aor("x", "other.example"), "a\x00b", "moon", Credentials.of(aor("x"), "x"), "12")
    with pytest.raises(UsageError) as error:
        directory.create(bad, actor="test")
    for part in ("other.example", "moon", "'12'", "can't be shown"):
        assert part in str(error.value)


def test_a_change_touches_what_it_names_and_nothing_else(directory: Directory):
    before = directory.create(new("alice", "+14255550101", groups=("a",)), actor="test")
    after = directory.set(aor("alice"), PersonChanges(number=None, groups=("b", "a", "b")), actor="test")
    assert (after.number, after.groups) == (None, ("a", "b"))
    assert (after.display_name, after.home_epoch, after.credentials) == ("Alice", 1, before.credentials)
    assert directory.get(aor("alice")) == after


def test_a_change_that_changes_nothing_leaves_no_trace(directory: Directory):
    directory.create(new("alice"), actor="test")
    seq, entries = directory.last_seq(), len(directory.audit())
    directory.set(aor("alice"), PersonChanges(display_name="Alice"), actor="test")
    assert (directory.last_seq(), len(directory.audit())) == (seq, entries)


def test_every_write_is_in_the_audit_log_without_secrets(directory: Directory):
    directory.create(new("alice"), actor="cli:root")
    changes = PersonChanges(credentials=Credentials.of(aor("alice"), "new"))
    directory.set(aor("alice"), changes, actor="cli:eve")
    directory.commit_homes([(aor("alice"), "premises", 1, "online")], actor="mover")
    directory.delete(aor("alice"), actor="cli:root")
    entries = directory.audit("alice@contoso.example")
    assert [(entry["action"], entry["actor"]) for entry in entries] == [
        ("person.delete", "cli:root"),
        ("person.move", "mover"),
        ("person.set", "cli:eve"),
        ("person.create", "cli:root"),
    ]
    assert '"password":"changed"' in entries[2]["after"]
    assert "ha1" not in str(entries)


def test_a_key_used_again_gives_the_first_result(directory: Directory):
    first = directory.create(new("alice"), actor="test", key="k1")
    directory.set(aor("alice"), PersonChanges(display_name="Alicia"), actor="test", key="k2")
    seq = directory.last_seq()
    assert directory.create(new("alice"), actor="test", key="k1") == first
    directory.set(aor("alice"), PersonChanges(display_name="Alicia"), actor="test", key="k2")
    assert directory.last_seq() == seq
    directory.delete(aor("alice"), actor="test", key="k3")
    directory.delete(aor("alice"), actor="test", key="k3")


def test_a_key_used_for_something_else_is_refused(directory: Directory):
    directory.create(new("alice"), actor="test", key="k")
    with pytest.raises(UsageError, match="idempotency key"):
        directory.create(new("bob"), actor="test", key="k")
    directory.create(new("bob"), actor="somebody else", key="k")


def test_a_refused_write_does_not_use_the_key_up(directory: Directory):
    directory.create(new("alice", "+14255550101"), actor="test")
    with pytest.raises(RefusedError):
        directory.create(new("bob", "+14255550101"), actor="test", key="k")
    directory.set(aor("alice"), PersonChanges(number=None), actor="test")
    assert directory.create(new("bob", "+14255550101"), actor="test", key="k").number == "+14255550101"


def test_listeners_hear_of_commits_and_of_nothing_else(engine: Engine):
    heard: list[int] = []
    directory = authority(engine, on_commit=heard.append)
    before = len(heard)
    directory.create(new("alice", "+14255550101"), actor="test")
    with pytest.raises(RefusedError):
        directory.create(new("bob", "+14255550101"), actor="test")
    assert heard[before:] == [directory.last_seq()]


def test_a_listener_that_fails_does_not_undo_the_write(engine: Engine):
    def fail(_seq: int) -> None:
        raise OSError("no space left on device")

    directory = authority(engine, on_commit=fail)
    directory.create(new("alice"), actor="test")
    assert directory.get(aor("alice"))


def test_only_the_authority_takes_changes(directory: Directory, other_site):
    away = other_site()
    for attempt in (
        lambda: away.create(new("alice"), actor="test"),
        lambda: away.set(aor("alice"), PersonChanges(enabled=False), actor="test"),
        lambda: away.delete(aor("alice"), actor="test"),
        lambda: away.commit_homes([], actor="test"),
        lambda: away.import_people([], update=False, dry_run=True, actor="test"),
    ):
        with pytest.raises(RefusedError, match="premises"):
            attempt()


def test_people_are_listed_by_address_in_pages(directory: Directory):
    users = ["bob", "alice", "zoe", "a_b", "a.b", "a-b", "a0", "carol+x"]
    for user in users:
        directory.create(new(user), actor="test")
    expected = sorted((str(aor(user)) for user in users), key=str.encode)
    seen: list[str] = []
    while page := directory.people(limit=3, after=Aor.parse(seen[-1]) if seen else None):
        seen += [str(person.aor) for person in page]
    assert seen == expected
    assert [str(person.aor) for person in directory.everybody()[1]] == expected
    assert [str(person.aor) for person in directory.people(limit=3, offset=4)] == expected[4:7]


def test_people_are_found_by_whether_they_are_enabled(directory: Directory):
    for user in ("alice", "bob", "carol"):
        directory.create(new(user), actor="test")
    directory.set(aor("bob"), PersonChanges(enabled=False), actor="test")
    assert [str(person.aor) for person in directory.people(enabled=False)] == [str(aor("bob"))]
    assert (directory.count(enabled=True), directory.count(enabled=False), directory.count()) == (2, 1, 3)


def test_people_are_found_by_home_group_and_part_of_a_name(directory: Directory):
    directory.create(new("alice", "+14255550101", groups=("sales",)), actor="test")
    directory.create(new("bob", home="online", groups=("sales",)), actor="test")
    directory.create(NewPerson(aor("em"), "Émile 100%", "online", Credentials.of(aor("em"), "x")), actor="test")

    def found(**wanted: str) -> list[str]:
        assert directory.count(**wanted) == len(directory.people(**wanted))
        return [person.aor.user for person in directory.people(**wanted)]

    assert found(home="online") == ["bob", "em"]
    assert found(group="sales") == ["alice", "bob"]
    assert found(group="sales", home="online") == ["bob"]
    assert found(match="ALI") == ["alice"]
    assert found(match="0101") == ["alice"]
    assert found(match="émile") == ["em"]
    assert found(match="0%") == ["em"]
    assert found(match="_") == []


def test_a_domain_has_one_tenant(directory: Directory):
    directory.create_tenant("fabrikam", actor="test")
    directory.add_domain("Contoso.example", "main", actor="test")
    with pytest.raises(RefusedError, match="another tenant"):
        directory.add_domain("contoso.example", "fabrikam", actor="test")
    with pytest.raises(NotFoundError, match="nobody-inc"):
        directory.add_domain("other.example", "nobody-inc", actor="test")
    assert directory.domains() == {"contoso.example": "main"}


def test_an_address_that_comes_back_keeps_its_epochs_growing(directory: Directory):
    directory.create(new("alice"), actor="test")
    directory.commit_homes([(aor("alice"), "premises", 1, "online")], actor="test")
    directory.delete(aor("alice"), actor="test")
    assert directory.create(new("alice"), actor="test").home_epoch == 3


class TestCommittingHomes:
    def test_moves_all_who_are_as_expected_and_says_why_of_the_others(self, directory: Directory):
        for user in ("alice", "bob", "carol"):
            directory.create(new(user), actor="test")
        results = directory.commit_homes(
            [
                (aor("alice"), "premises", 1, "online"),
                (aor("bob"), "premises", 7, "online"),
                (aor("carol"), "premises", 1, "moon"),
                (aor("zoe"), "premises", 1, "online"),
            ],
            actor="test",
        )
        assert results[aor("alice")] == 2
        for user, reason in (("bob", "epoch 1"), ("carol", "moon"), ("zoe", "nobody")):
            assert isinstance(results[aor(user)], IsthmusError)
            assert reason in str(results[aor(user)])
        assert [directory.get(aor(user)).home for user in ("alice", "bob", "carol")] == [
            "online",
            "premises",
            "premises",
        ]

    def test_done_twice_is_done_once(self, directory: Directory):
        directory.create(new("alice"), actor="test")
        moves = [(aor("alice"), "premises", 1, "online")]
        assert directory.commit_homes(moves, actor="test") == {aor("alice"): 2}
        seq = directory.last_seq()
        assert directory.commit_homes(moves, actor="test") == {aor("alice"): 2}
        assert directory.last_seq() == seq

    def test_in_a_transaction_of_the_caller_it_stands_or_falls_with_that(self, engine: Engine):
        heard: list[int] = []
        directory = authority(engine, on_commit=heard.append)
        directory.create(new("alice"), actor="test")
        moves = [(aor("alice"), "premises", 1, "online")]

        def move_and_fail() -> None:
            with writing(engine) as connection:
                directory.commit_homes(moves, actor="test", connection=connection)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            move_and_fail()
        assert directory.get(aor("alice")).home == "premises"
        heard.clear()
        with writing(engine) as connection:
            directory.commit_homes(moves, actor="test", connection=connection)
            assert not heard
        directory.announce()
        assert directory.get(aor("alice")).home == "online"
        assert heard == [directory.last_seq()]

    def test_of_two_at_once_one_wins(self, directory: Directory):
        directory.create(new("alice"), actor="test")
        start = threading.Barrier(6)

        def move(target: str) -> int | IsthmusError:
            start.wait()
            return directory.commit_homes([(aor("alice"), "premises", 1, target)], actor="test")[aor("alice")]

        # To stay at home counts as a move too: its epoch grows.
        with ThreadPoolExecutor(6) as pool:
            results = list(pool.map(move, ["online", "premises"] * 3))
        person = directory.get(aor("alice"))
        assert person.home_epoch == 2
        winners = [target for target, result in zip(["online", "premises"] * 3, results, strict=True) if result == 2]
        assert winners == [person.home] * 3


def test_of_many_who_want_one_number_one_gets_it(directory: Directory, database_url: str):
    # Two services on one database, as two control services would be.
    second = open_database(database_url)
    services = (directory, Directory(second, site="premises", homes=("premises", "online")))
    start = threading.Barrier(8)

    def attempt(index: int) -> str:
        start.wait()
        try:
            services[index % 2].create(new(f"u{index}", "+14255550199"), actor="test")
        except RefusedError as error:
            return error.what
        return "created"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(8)))
    owner = directory.people()[0].aor
    assert sorted(answers) == ["created"] + [f"the number +14255550199 belongs to {owner}"] * 7
    second.dispose()


def test_a_reader_sees_one_state_while_others_write(directory: Directory, engine: Engine):
    for index in range(30):
        directory.create(new(f"u{index:02}"), actor="test")
    seq, everybody = directory.everybody()
    directory.delete(aor("u29"), actor="test")
    assert sum(1 for _ in everybody) == 30
    assert directory.last_seq() == seq + 1
    with reading(engine) as connection:
        before = connection.execute(text("SELECT count(*) FROM person")).scalar()
        directory.delete(aor("u28"), actor="test")
        assert connection.execute(text("SELECT count(*) FROM person")).scalar() == before
