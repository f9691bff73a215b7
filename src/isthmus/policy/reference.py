"""Writes docs/policies.md from the kinds and rules themselves: `python -m isthmus.policy.reference [FILE]`."""

from __future__ import annotations

import sys
from pathlib import Path

from isthmus.policy import licences, rules
from isthmus.policy.kinds import KINDS, Kind, Value

_HEAD = """\
# Groups, licences, policies

## Groups

A group contains people and groups; whoever is in a group is in every group that contains it. A circle is refused, and
shown. Groups are kept at the authority, by hand or by a directory source, and travel to the other sites.

    isthmus group create sales --description "Everybody who sells"
    isthmus group add sales alice@contoso.example --group sales-north
    isthmus group rename sales-north sales-oslo
    isthmus group list --member alice@contoso.example
    isthmus user list --group sales
    isthmus user move --group sales --to online --dry-run

A renamed group keeps its people, its groups, its place in other groups, what was given to it and the roles that reach
it, at every site.
What was given to one person alone follows the person to another address, at every site.

## Policies

A policy is a named set of settings of one kind, granted to a person, a group, the people at home at a site, or the
whole tenant. Each site has its own; `isthmus user move --dry-run` tells which settings would change for a person at
the target, and which policies are missing there.

    isthmus policy create calling interns --set pstn_calls=domestic --set forwarding=no
    isthmus policy grant calling interns --group interns --rank 10
    isthmus policy explain alice@contoso.example --kind calling
    isthmus policy revoke calling --group interns

"""
_DIALLING = """
## Dial plans

How what people dial is read is a policy like the others, so that a tenant, a site, a group or a person may dial in its
own way: kind `dial-plan`.

    isthmus policy create dial-plan seattle --set country=US --set outside_line=9 \\
        --set extension_digits=4 --set extension_base=+1425555 --set "rules=7|XXX -> +1206555"
    isthmus policy grant dial-plan seattle --everybody
    isthmus dialplan test alice@contoso.example 0103 914255550123 9011442079460000 7123 911

Emergency numbers of the country come first, with the digits for an outside line or without, and no rule, extension or
block of calls stands in their way. (Who is shut out altogether, by a block of the account or of their network, can't
make those calls either.) Then the rules in their order, extensions, numbers outside and short codes as they are dialled
in the country (all countries', from libphonenumber). A number with `+` and its country code always works.
Calls follow a change within some seconds. A person whose address is made of digits is reached by them all the same.

A rule is `PATTERN -> PREFIX`; what is left of the dialled digits goes behind the prefix.

| in a pattern | stands for |
|---|---|
| `0` to `9`, `*`, `#` | itself |
| `X`, `Z`, `N` | any digit, 1 to 9, 2 to 9 |
| `[13-5]` | one of these digits |
| `.` | one or more digits; at the end alone |
| `\\|` | what stands before it is taken away; without it, everything is |

"""
_LICENCES = """
## Licences

    isthmus licence set phone-system --count 500
    isthmus licence assign phone-system --group sales --dry-run
    isthmus licence check
    isthmus licence check --dry-run --count phone-system=200
    isthmus licence show alice@contoso.example

"""
_FOOT = """
A move is refused for a person who has a number, or meetings with a number to call, when the target asks for licences
and they have none there that gives it. Shortages are in `licence check`, in the site's health and in the audit log.

<!-- Written by `python -m isthmus.policy.reference`: change kinds.py, rules.py, licences.py there. -->
"""


def page() -> str:
    """The page in Markdown."""
    kinds = "".join(_kind(kind) for kind in KINDS.values())
    plans = "".join(f"| `{name}` | {about} | {', '.join(gives)} |\n" for name, (about, gives) in _PLANS)
    table = f"\n| plan | what it is | features |\n|---|---|---|\n{plans}"
    return f"{_HEAD}{_rules(rules.__doc__)}\n{kinds}{_DIALLING}{_LICENCES}{_rules(licences.__doc__)}\n{table}{_FOOT}"


_PLANS = sorted(licences.SHIPPED.items())


def _rules(text: str | None) -> str:
    return (text or "").split("\n\n", 1)[1].strip()


def _kind(kind: Kind) -> str:
    rows = "".join(
        f"| `{each.name}` | {each.form} | `{_shown(each.default)}` | {each.about} |\n" for each in kind.settings
    )
    head = f"\n### Kind `{kind.name}`\n\n{kind.about}\n\n| setting | takes | default | meaning |\n|---|---|---|---|\n"
    return head + rows


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value in (None, "") else str(value)


def main() -> None:
    """Write the page."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/policies.md")
    target.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
