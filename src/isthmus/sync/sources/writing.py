"""Writes to an LDAP directory what became of its people here: home, SIP address and number, where that is chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from isthmus.errors import IsthmusError
from isthmus.sync.sources.connection import Directory, Server, texts
from isthmus.sync.sources.scope import Scope, normal_dn


class LdapWriter:
    """The directory of a source. The account must be allowed to write these attributes, and nothing else."""

    def __init__(self, server: Server, scope: Scope) -> None:
        self._server, self._scope = server, scope

    def write(self, wanted: Mapping[str, Mapping[str, str]]) -> tuple[list[str], dict[str, str]]:
        """Make attributes (DN to name to value) as wanted; what is as wanted already is left alone.

        Returns whom that changed, and why somebody could not be. Raises IsthmusError where nobody can be.
        """
        names = sorted({name for values in wanted.values() for name in values})
        changed: list[str] = []
        faults: dict[str, str] = {}
        with Directory.open(self._server) as directory:
            present = self._present(directory, names)
            for dn, values in wanted.items():
                if (now := present.get(normal_dn(dn))) is None:
                    continue  # moved or gone since it was read: the next run sees it
                due = {name: value for name, value in values.items() if now.get(name.lower()) != value}
                if not due:
                    continue
                try:
                    directory.write(dn, due)
                    changed.append(dn)
                except IsthmusError as error:
                    faults[dn] = error.what
        return changed, faults

    def _present(self, directory: Directory, names: Collection[str]) -> dict[str, dict[str, str]]:
        """The values of everybody in scope, by normal DN: one listing instead of a question for each."""
        return {
            normal_dn(dn): {name: found[0] for name, raw in values.items() if (found := texts(raw))}
            for base in self._scope.bases
            for dn, values in directory.search(base, self._scope.filter_with(), list(names))
        }
