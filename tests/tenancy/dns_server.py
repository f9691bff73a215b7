"""A name server on loopback: answers TXT questions from a table, over UDP and TCP."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class DnsServer:
    """records: name with a final dot -> texts. silent: take questions and answer none."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self.silent = False
        self.asked: list[str] = []
        server = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                raw, sock = self.request
                if reply := server.answer(raw, 1200):
                    sock.sendto(reply, self.client_address)

        class Tcp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                size = struct.unpack("!H", self.request.recv(2, socket.MSG_WAITALL))[0]
                if reply := server.answer(self.request.recv(size, socket.MSG_WAITALL), 65535):
                    self.request.sendall(struct.pack("!H", len(reply)) + reply)

        while True:  # a port that is free for UDP may be somebody's for TCP
            self._udp = socketserver.ThreadingUDPServer(("127.0.0.1", 0), Udp)
            self.port = self._udp.server_address[1]
            try:
                self._tcp = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Tcp)
                break
            except OSError:
                self._udp.server_close()
        for each in (self._udp, self._tcp):
            threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, raw: bytes, most: int) -> bytes | None:
        query = dns.message.from_wire(raw)
        name = query.question[0].name.to_text().lower()
        self.asked.append(name)
        if self.silent:
            return None
        reply: Any = dns.message.make_response(query)
        if name in self.records:
            reply.answer.append(dns.rrset.from_text_list(name, 0, "IN", "TXT", map(_strings, self.records[name])))
        else:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        wire: bytes = reply.to_wire(max_size=65535)
        if len(wire) > most:
            reply.answer.clear()
            reply.flags |= dns.flags.TC
            wire = reply.to_wire()
        return wire

    def close(self) -> None:
        for each in (self._udp, self._tcp):
            each.shutdown()
            each.server_close()


def _strings(text: str) -> str:
    """The text as strings of a length that a TXT record takes."""
    return " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200))
