"""Writes the description of the API to a file, for the types of the web application: python -m tests.web.describe."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from isthmus.api import web_app
from tests.api.callers import open_site


def main(file: Path) -> None:
    """file: where the OpenAPI document goes."""
    with tempfile.TemporaryDirectory() as folder:
        services = open_site(Path(folder))
        try:
            file.write_text(json.dumps(web_app(services).openapi()), encoding="utf-8")
        finally:
            services.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
