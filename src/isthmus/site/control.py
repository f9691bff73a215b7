"""The control service of a site: `python -m isthmus.site.control FILE`.

Serves three unix sockets in the site's run folder from one event loop: control.sock for people on this machine,
link.sock for the peer and web.sock for browsers (both behind haproxy). Handlers run in threads, since the database
and the snapshot are used synchronously. Calls don't need this process: Kamailio reads the snapshot by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from isthmus.api import connector_app, link_app, local_app, web_app
from isthmus.errors import IsthmusError, UnavailableError
from isthmus.live.api import MOST_FRAME
from isthmus.site import internal
from isthmus.site.connecting import Connector, build_connector
from isthmus.site.file import SiteFile, load
from isthmus.site.services import Services, build

_log = logging.getLogger(__name__)

_LAST_ANSWERS_S = 5  # how long requests under way may take when the service is told to stop
_BACKLOG = 512
_MOST_FRAME = 4 * MOST_FRAME  # bytes: a character of UTF-8 has four at most


class _Server(uvicorn.Server):
    """Leaves signals to us: three servers in one process would each take them from the others."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(site_file: SiteFile) -> None:
    """Serve until SIGTERM or SIGINT. Raises IsthmusError when it can't start."""
    site_file.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(site_file):
        services = build_connector(site_file) if site_file.upstream else build(site_file)
        try:
            services.background.start()
            asyncio.run(_serve(site_file, _apps(services)))
        finally:
            services.background.stop()
            services.close()


def _apps(services: Services | Connector) -> dict[Path, FastAPI]:
    """What is served by which socket."""
    site = services.site_file
    if isinstance(services, Connector):
        return {internal.control_socket(site): connector_app(services)}
    return {
        internal.control_socket(site): local_app(services),
        internal.link_socket(site): link_app(services),
        internal.web_socket(site): web_app(services),
    }


async def _serve(site: SiteFile, apps: Mapping[Path, FastAPI]) -> None:
    with contextlib.ExitStack() as stack:
        serving = [(_server(app), stack.enter_context(_listening(path))) for path, app in apps.items()]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _stop, [server for server, _ in serving])
        _log.info("site %s: the control service is up", site.site.name)
        await asyncio.gather(*(server.serve(sockets=[listener]) for server, listener in serving))
    _log.info("site %s: the control service has ended", site.site.name)


def _stop(servers: list[_Server]) -> None:
    for server in servers:
        server.should_exit = True


def _server(app: FastAPI) -> _Server:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
        ws="websockets-sansio",
        ws_max_size=_MOST_FRAME,
        ws_per_message_deflate=False,  # a hundred kB of memory a tab, for frames of some hundred bytes
    )
    return _Server(config)


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[socket.socket]:
    """A listening unix socket that only our own user can open; one that a crash left behind is replaced."""
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    try:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(str(path))
        except OSError as error:
            listener.close()
            raise UnavailableError(f"the socket can't be made ({error.strerror})", where=str(path)) from error
    finally:
        os.umask(before)
    listener.listen(_BACKLOG)
    listener.setblocking(False)
    try:
        yield listener
    finally:
        listener.close()
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(site_file: SiteFile) -> Iterator[None]:
    """Hold the site's control lock; the kernel gives it back however this process ends."""
    path = site_file.state_dir / "control.lock"
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UnavailableError(
                "another control service of this site is running", where=str(path), do="Stop it first."
            ) from None
        yield


def main() -> None:
    """Entry point. Exit 1 with one line on stderr when it can't start."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for talkative in ("httpx", "alembic", "uvicorn.error"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    if len(sys.argv) != 2:
        sys.exit("usage: python -m isthmus.site.control FILE")
    try:
        run(load(Path(sys.argv[1])))
    except IsthmusError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error.filename or 'control service'}: {error.strerror or error}")


if __name__ == "__main__":
    main()
