"""Calls whose browser tab was closed, ended at this site's Kamailio."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from isthmus.addressing import Aor
from isthmus.calls.leaving import Keep, Leaving, is_in
from isthmus.calls.model import Call
from isthmus.engines.kamailio.bulk import ask, end_call
from isthmus.errors import UsageError
from isthmus.live.hub import Hub
from isthmus.records.reports import CallReportBody, Reports
from isthmus.site.file import SiteFile

_LEFT = 'SIP ;cause=200 ;text="Its Page Was Closed"'  # RFC 3326


def attach(site_file: SiteFile, hub: Hub, reports: Reports) -> None:
    """Take part in what tabs say. reports: where those of their calls are kept."""

    def end(call_id: str, aor: Aor) -> None:
        for dialog in ask(site_file, "dlg.list") or ():
            call = Call.of_dialog(dialog)
            if call is not None and call.call_id == call_id and is_in(call, aor):
                end_call(site_file, dialog, _LEFT)

    def read(told: Any) -> tuple[str, Keep]:
        try:
            report = CallReportBody.model_validate(told)
        except ValidationError as error:
            raise UsageError("that is no report of a call", where="reports") from error
        return report.call_id, lambda person: reports.keep(person, report)

    Leaving(hub, end, read)
