"""Limits of how many calls to the PSTN a tenant may have at once: under which of them a call counts. Pure."""

from __future__ import annotations

from isthmus.addressing import is_e164
from isthmus.addressing.destination import destination_of
from isthmus.routing.model import Request, Snapshot
from isthmus.routing.refusals import of_country, of_tenant


def keys_of(request: Request, snapshot: Snapshot) -> dict[str, int]:
    """The keys of the limits that are for a call, each with how many calls there may be. Emergencies: none."""
    config, caller = snapshot.config, snapshot.person(request.caller)
    if not config.at_once or caller is None or not is_e164(request.target):
        return {}
    tenant = config.tenants[caller.tenant]
    wanted = {of_tenant(tenant), of_country(destination_of(request.target).region, tenant)}
    return {each.key: each.most for each in config.at_once if each.key in wanted}
