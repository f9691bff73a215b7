"""Fetches signers' certificates for the calls to come, from hosts that an administrator names and no others.

Whoever calls in writes the URL: without a list it would let strangers make us ask any address for anything.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
from cryptography import x509

from isthmus.errors import UsageError
from isthmus.stir import certificates, revocation
from isthmus.stir.known import KnownFile
from isthmus.stir.model import BAD_CREDENTIAL, BAD_INFO, Credential
from isthmus.stir.rules import is_certificate_url

_log = logging.getLogger(__name__)
_MOST_BYTES = 65_536
_MOST_KNOWN = 1000
_TIMEOUT_S = 5.0
_GOOD_S = 24 * 3600  # a certificate is fetched anew after
_BAD_S = 300  # and one that was no good
_LISTED_S = 3600  # and one of which a list says whether it was taken back; so old a list may be, too
_MOST_LIST_BYTES = 4 << 20


class Fetching:
    """The certificates of one site. hosts: that they are fetched from. roots: authorities that are trusted.

    asked: gives the URLs that calls asked for lately.
    """

    def __init__(
        self,
        file: KnownFile,
        roots: Sequence[x509.Certificate],
        hosts: Collection[str],
        asked: Callable[[], Iterable[str]],
        *,
        ca_file: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file, self._roots, self._hosts = file, roots, frozenset(hosts)
        self._asked, self._ca_file, self._clock = asked, ca_file, clock
        self._lists: dict[str, tuple[int, bytes]] = {}

    def work(self) -> None:
        """Fetch what was asked for and is not known, or known too long. Raises OSError where it can't be kept."""
        known = {each.x5u: each for each in self._file.all()}
        now_s = int(self._clock())
        due = [url for url in dict.fromkeys(self._asked()) if self._is_due(known.get(url), now_s)]
        for url in due:
            known[url] = self.fetched(url)
        if due:
            newest = sorted(known.values(), key=lambda each: each.fetched_s, reverse=True)
            self._file.write(newest[:_MOST_KNOWN])

    def fetched(self, url: str) -> Credential:
        """The certificate at this URL, judged. What is wrong stands in it."""
        now_s = int(self._clock())
        host = urlsplit(url).hostname if is_certificate_url(url) else None
        if host is None or host not in self._hosts:
            return certificates.refused(url, f"certificates are not fetched from {host or url}", BAD_INFO, now_s)
        try:
            pem = self._get(url, _MOST_BYTES)
            judged = certificates.judge(url, pem, self._roots, now_s)
            return judged if judged.fault else self._unless_revoked(judged, pem, now_s)
        except (httpx.HTTPError, OSError, ValueError) as error:
            _log.warning("the certificate %s can't be fetched: %s", url, error)
            return certificates.refused(url, f"it can't be fetched ({error})", BAD_INFO, now_s)

    def _unless_revoked(self, judged: Credential, pem: bytes, now_s: int) -> Credential:
        """A good credential after the lists that its chain names were asked (see revocation.py)."""
        chain = x509.load_pem_x509_certificates(pem)
        listed, unasked = False, ""
        for certificate in chain:
            urls = revocation.lists_of(certificate)
            revoked, why = self._is_revoked(certificate, urls, (*chain, *self._roots), now_s)
            if revoked:
                return certificates.refused(judged.x5u, f"it was taken back ({why})", BAD_CREDENTIAL, now_s)
            listed, unasked = listed or bool(urls), unasked or why
        if unasked:
            _log.warning("whether the certificate %s was taken back is not known: %s", judged.x5u, unasked)
        return msgspec.structs.replace(judged, listed=listed, unasked=unasked)

    def _is_revoked(
        self, certificate: x509.Certificate, urls: Sequence[str], authorities: Sequence[x509.Certificate], now_s: int
    ) -> tuple[bool, str]:
        """Whether it was taken back, and by which list; or why none of them could be asked."""
        why = ""
        for url in urls:
            try:
                revoked = revocation.is_revoked(certificate, self._list(url, now_s), authorities, now_s)
                return revoked, url if revoked else ""
            except (httpx.HTTPError, OSError, ValueError) as error:
                why = why or f"{url}: {error}"
        return False, why

    def _list(self, url: str, now_s: int) -> bytes:
        """A revocation list, not older than an hour. Raises ValueError for hosts that are not asked."""
        self._lists = {each: held for each, held in self._lists.items() if 0 <= now_s - held[0] < _LISTED_S}
        if url not in self._lists:
            host = urlsplit(url).hostname
            if host not in self._hosts:
                raise ValueError(f"lists are not fetched from {host}")
            self._lists[url] = now_s, self._get(url, _MOST_LIST_BYTES)
        return self._lists[url][1]

    def _get(self, url: str, most: int) -> bytes:
        verify = ssl.create_default_context(cafile=str(self._ca_file) if self._ca_file else None)
        with (
            httpx.Client(trust_env=False, follow_redirects=False, timeout=_TIMEOUT_S, verify=verify) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != httpx.codes.OK:
                raise ValueError(f"the answer is {answer.status_code}")
            found = b""
            for part in answer.iter_bytes():
                found += part
                if len(found) > most:
                    raise ValueError(f"it has more than {most} bytes")
            return found

    @staticmethod
    def _is_due(known: Credential | None, now_s: int) -> bool:
        if known is None:
            return True
        good_s = _LISTED_S if known.listed else _GOOD_S
        return now_s - known.fetched_s >= (_BAD_S if known.fault or known.unasked else good_s)


def roots_in(file: Path) -> list[x509.Certificate]:
    """The authorities in a PEM file. Raises UsageError."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(f"no certificates can be read ({error})", where=str(file)) from error
