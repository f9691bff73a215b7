"""A Kamailio that is only a registrar, with the settings the product uses for bindings: for tests of hand-over."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isthmus.engines.kamailio import memory
from isthmus.engines.kamailio.registrar import KamailioRegistrar
from isthmus.engines.kamailio.rpc import KamailioRpc
from isthmus.errors import UnavailableError

_SQL = Path("/usr/share/kamailio/db_sqlite")
_CONFIG = """#!KAMAILIO
debug=0
log_stderror=yes
children=2
auto_aliases=no
wait_worker1_mode=1
wait_worker1_time=60000000
wait_worker1_usleep=10000
listen=udp:{address}:5060
socket_workers=1
listen=udp:{address}:15160
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "jsonrpcs.so"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "path.so"
loadmodule "nathelper.so"
loadmodule "db_sqlite.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("jsonrpcs", "transport", 4)
modparam("jsonrpcs", "dgram_socket", "{socket}")
modparam("jsonrpcs", "dgram_mode", 0600)
modparam("registrar", "use_path", 1)
modparam("registrar", "path_mode", 0)
modparam("registrar", "path_use_received", 1)
modparam("registrar", "path_check_local", 1)
modparam("registrar", "outbound_mode", 1)
modparam("registrar", "gruu_enabled", 1)
modparam("nathelper|registrar", "received_avp", "$avp(RCV)")
modparam("usrloc", "use_domain", 1)
modparam("usrloc", "db_mode", 2)
modparam("usrloc", "db_url", "sqlite:///{database}")
modparam("usrloc", "timer_interval", 1)
modparam("usrloc", "preload", "location")
modparam("usrloc", "handle_lost_tcp", 0)
request_route {{
  if (!is_method("REGISTER")) {{ sl_send_reply("405", "Only A Registrar"); exit; }}
  if ($Rp == 15160) {{
    if ($hdr(X-Isthmus-Control) != "{secret}") {{ sl_send_reply("403", "Forbidden"); exit; }}
  }} else {{
    fix_nated_register();
  }}
  save("location");
}}
"""
SECRET = "proof"


@dataclass
class RegistrarSite:
    """One running registrar. `kill` and `start` can be repeated; its database stays."""

    address: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "rpc.sock"

    @property
    def rpc(self) -> KamailioRpc:
        return KamailioRpc(self.socket)

    @property
    def registrar(self) -> KamailioRegistrar:
        return KamailioRegistrar(self.rpc, (self.address, 15160), lambda: SECRET)

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        database = self.folder / "location.db"
        if not database.exists():
            with contextlib.closing(sqlite3.connect(database)) as connection:
                for name in ("standard", "usrloc"):
                    connection.executescript((_SQL / f"{name}-create.sql").read_text())
        config = self.folder / "kamailio.cfg"
        config.write_text(_CONFIG.format(address=self.address, socket=self.socket, database=database, secret=SECRET))
        self.process = subprocess.Popen(
            ["/usr/sbin/kamailio", "-f", str(config), "-DD", "-E", *memory(2**30)],
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "log").open("ab"),
            start_new_session=True,
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                self.rpc.call("core.uptime")
                return
            except UnavailableError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise AssertionError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def kill(self) -> None:
        """kill -9 of the whole process group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
            self.socket.unlink(missing_ok=True)


@contextlib.contextmanager
def running(address: str, folder: Path) -> Iterator[RegistrarSite]:
    """A registrar for the length of a test."""
    site = RegistrarSite(address, folder)
    site.start()
    try:
        yield site
    finally:
        site.kill()
