"""Each engine is asked whether it works; silence and nonsense are told apart from a yes."""

import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from isthmus.engines import rtpengine
from isthmus.errors import UnavailableError
from isthmus.site import health, internal
from isthmus.site.file import SiteFile
from tests.site.sites import site_file
from tests.support import Loopback, Processes


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory, loopback: Loopback) -> SiteFile:
    site = site_file(tmp_path_factory.mktemp("h"), loopback(), loopback())
    site.run_dir.mkdir(parents=True)
    return site


@pytest.mark.parametrize("probe", [health.haproxy, health.kamailio, health.rtpengine, health.control])
def test_one_that_is_not_there_does_not_answer(site: SiteFile, probe: Callable[[SiteFile], None]):
    with pytest.raises(UnavailableError, match="does not answer"):
        probe(site)
    assert list(site.run_dir.iterdir()) == [], "a probe leaves nothing behind"


@pytest.mark.engine
def test_rtpengine_answers_its_ping(site: SiteFile, processes: Processes):
    def answers() -> bool:
        health.rtpengine(site)
        return True

    processes.start(rtpengine.command(site), ready=answers)


@pytest.mark.parametrize("answer", [b"garbage", b"0 d6:result4:ponge", b""])
def test_another_program_on_the_port_is_no_rtpengine(site: SiteFile, answer: bytes):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((site.site.internal_address, internal.RTPENGINE_NG))
        other.settimeout(5)
        helper = threading.Thread(target=lambda: other.sendto(answer, other.recvfrom(2000)[1]))
        helper.start()
        with pytest.raises(UnavailableError):
            health.rtpengine(site)
        helper.join()


@pytest.mark.parametrize(("line", "well"), [("200 OK", True), ("404 Not Found", True), ("500 No", False)])
def test_control_is_well_unless_it_says_a_server_error(site: SiteFile, line: str, well: bool):
    path: Path = internal.control_socket(site)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(f"HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n".encode())

        helper = threading.Thread(target=serve)
        helper.start()
        if well:
            health.control(site)
        else:
            with pytest.raises(UnavailableError, match="answers 500"):
                health.control(site)
        helper.join()
