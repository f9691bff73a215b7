"""Writes docs/move.md: the rules of the move in words, and the diagram drawn from its table."""

from __future__ import annotations

from isthmus.homing import rules

_HEAD = """# The move

How a person gets from one home to the other. This page is written from `isthmus/homing/rules.py` by
`python -m isthmus.homing.page > docs/move.md`; a test compares the two.

    isthmus user move alice@contoso.example --to online --wait
    isthmus user move --group sales --to online --dry-run
    isthmus move list
    isthmus move show BATCH

`pause`, `resume` and `cancel` act between chunks of people: whoever is under way is brought to an end.
`--dry-run` tells every reason against each person, and changes nothing.

## The rules

"""

_MIDDLE = """
## One person's states

"""

_TAIL = """
| state | what is done | at |
|---|---|---|
| preflight | ask everybody concerned for reasons against | authority, both sites |
| preparing | export at the source, import at the target | both sites |
| committing | home and epoch, in one transaction with this table | authority |
| undoing | forget at the target what was imported | target |
| publishing | compile the snapshot here, send it there, wait until calls see it | both sites |
| handing_over | export again, import what is new, until nothing is | both sites |
| verifying | is everything there, and on disk | target |
| cleaning_up | remove what was handed over, unless something newer came in | source |

Each state is a row in the authority's database, and each step can be repeated. After a crash the workflow engine (DBOS)
goes on where it was. Before commit a failure is tried again for 20 seconds and then ends as not moved; after commit it
is tried again until it is done, and `isthmus move list` says what it waits for.

## What a feature brings along

The move knows no feature by name. Whoever holds something for a person registers a participant
(`isthmus/homing/participants.py`): check, describe, review, export, import, verify, undo, clean up. What one site
can't know by itself is described at the source and reviewed at the target: reasons against the move, and notes on what
would be different there, which `--dry-run` shows. `registration` takes the phones along; `policy` hands nothing over,
and says which licences are missing at the target and which settings would change.

## What is known not to be perfect

- A registrar killed in the second after an import, before it wrote to disk, has lost it: those phones ring again
  when verifying has handed them over anew, a few seconds later.
- A phone that registers at its old home and says goodbye at its new one within the same hand-over may ring until its
  registration expires.
"""


def page() -> str:
    """The whole page."""
    text = (rules.__doc__ or "").split("\n\n", 1)[1].strip()
    return f"{_HEAD}{text}\n{_MIDDLE}```mermaid\n{rules.diagram()}\n```\n{_TAIL}"


if __name__ == "__main__":
    print(page(), end="")
