"""Who is calling: digest authentication inside Kamailio's workers.

The rules are in isthmus.sip.digest. Here is what needs shared memory: which nonce counts were used, and how often
an account was guessed at. Whether an account exists shows neither in answers nor in the time they take.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable

from isthmus.activity.wire import Kind
from isthmus.addressing import barring
from isthmus.devices.rules import is_device_name
from isthmus.engines.kamailio.config import BrainSettings
from isthmus.engines.kamailio.ksr import KSR, Refused, header, number, text
from isthmus.engines.kamailio.reporting import Reporter
from isthmus.routing.model import PersonRecord
from isthmus.routing.snapshot import View
from isthmus.sip import digest


class Authenticator:
    """Checks phones' credentials against the snapshot."""

    def __init__(self, settings: BrainSettings, secret: bytes, activity: Reporter) -> None:
        self._settings, self._secret, self._activity = settings, secret, activity

    def authenticate(
        self, view: View, method: str, domain: str, is_emergency: Callable[[PersonRecord], bool]
    ) -> tuple[PersonRecord, str] | None:
        """The person whose phone sent the request at hand, and which device it is (name and generation of its secret,
        empty for the person's own credential); None after a challenge, with which the request ends.

        domain: realm, one of ours. is_emergency: whether the request is an emergency call, if this is who makes it:
        those whose account is disabled or blocked may make one, and nothing else.

        Raises Refused when guessing is to stop.
        """
        register = method == "REGISTER"
        asked = "WWW-Authenticate" if register else "Proxy-Authenticate"
        source = text("$si")
        given = header("Authorization" if register else "Proxy-Authorization")
        credentials = digest.parse_credentials(given) if given else None
        if credentials is None or credentials.realm != domain or not self._takes(credentials):
            self._challenge(asked, domain, source, stale=False)
            return None
        name = credentials.username.lower()
        guard = _key(source, name, domain)
        self._refuse_guessing(guard)
        if is_device_name(name):
            proved = self._device(view, credentials, method, name, domain)
        else:
            proved = self._person(view.person(f"{name}@{domain}"), credentials, method)
        if proved is None or not (_is_let_in(proved[0], view) or is_emergency(proved[0])):
            self._count_failure(guard, credentials.username, source)
            self._report_failure(view, credentials, domain, source)
            self._challenge(asked, domain, source, stale=False)
            return None
        if not self._is_fresh(credentials, domain, source):
            self._challenge(asked, domain, source, stale=True)
            return None
        if proved[0].barred and barring.keeps_out(proved[0].barred, source) and not is_emergency(proved[0]):
            raise Refused(403, "Blocked")
        return proved

    def _takes(self, credentials: digest.Credentials) -> bool:
        """Whether we would have offered the algorithm: what was not asked for is no answer."""
        return self._settings.md5 or credentials.algorithm is not digest.Algorithm.MD5

    def _person(
        self, person: PersonRecord | None, credentials: digest.Credentials, method: str
    ) -> tuple[PersonRecord, str] | None:
        """By a person's own credential. For a real account, a disabled one and none at all it takes the same work."""
        ha1 = self._nobodys(credentials) if person is None else _own(person, credentials)
        right = digest.is_right(credentials, method, ha1) and self._is_for_this(credentials.uri)
        return (person, "") if right and person is not None else None

    def _device(
        self, view: View, credentials: digest.Credentials, method: str, name: str, domain: str
    ) -> tuple[PersonRecord, str] | None:
        """By a device's credential: its secret, or the one before while that is good.

        For one that is there and one that is not it takes the same work; while two secrets are good, a hash more.
        """
        device = view.device(name)
        if device is None:
            # A person may bear such a name as well; their own credential serves then.
            return self._person(view.person(f"{name}@{domain}"), credentials, method)
        person = view.person(device.aor)
        sha256 = credentials.algorithm is digest.Algorithm.SHA256
        # Empty where MD5 is forbidden: no secret, and none that anybody could answer by.
        ha1s = [(device.ha1_sha256 if sha256 else device.ha1_md5) or self._nobodys(credentials)]
        if device.former_until_ms > time.time() * 1000:
            ha1s.append((device.former_sha256 if sha256 else device.former_md5) or self._nobodys(credentials))
        which = digest.which_is_right(credentials, method, ha1s)
        if which < 0 or person is None or not self._is_for_this(credentials.uri):
            return None
        return person, f"{name}.{device.generation - which}"

    def _nobodys(self, credentials: digest.Credentials) -> bytes:
        """A digest secret that nobody has, for this user name and algorithm."""
        size = 32 if credentials.algorithm is digest.Algorithm.SHA256 else 16
        return hmac.digest(self._secret, credentials.username.encode(), hashlib.sha256)[:size]

    def _is_for_this(self, uri: str) -> bool:
        """The digest's uri must be the Request-URI (RFC 7616 3.4.6), or credentials could serve elsewhere.

        The proxies before us, and some phones, write it with or without port and parameters: user and host decide.
        """
        asked = text("$ru")
        return uri == asked or _essence(uri) == _essence(asked)

    def _is_fresh(self, credentials: digest.Credentials, domain: str, source: str) -> bool:
        """Whether nonce and count were not used yet, but by this very message (a UDP retransmission)."""
        age = digest.nonce_age(self._secret, credentials.nonce, time.time(), domain, source)
        if age is None or not -1 <= age <= self._settings.nonce_lifetime_s:
            return False
        print_ = f"{credentials.counter}|{_key(str(number('$sp')), text('$ci'), text('$cs'), text('$rm'))}"
        key = credentials.nonce
        KSR.htable.sht_lock("nonce", key)
        try:
            used = KSR.htable.sht_get("nonce", key)
            if used is not None and credentials.counter <= int(str(used).split("|", 1)[0]):
                return str(used) == print_
            KSR.htable.sht_sets("nonce", key, print_)
        finally:
            KSR.htable.sht_unlock("nonce", key)
        return True

    def _refuse_guessing(self, guard: str) -> None:
        failed = KSR.htable.sht_get("failed", guard)
        if failed is not None and int(failed) >= self._settings.failed_logins_per_minute:
            raise Refused(403, "Too Many Wrong Passwords, Wait A Minute")

    def _count_failure(self, guard: str, username: str, source: str) -> None:
        """Remember a wrong answer; the first and the last that is still looked at are told in the log."""
        count = int(KSR.htable.sht_inc("failed", guard))
        if count == 1:
            KSR.warn(f"wrong user name or password for {username[:64]!r} from {source}\n")
        elif count == self._settings.failed_logins_per_minute:
            KSR.warn(f"{count} wrong passwords for {username[:64]!r} from {source}: refused for a minute\n")

    def _report_failure(self, view: View, credentials: digest.Credentials, domain: str, source: str) -> None:
        """The address counts where it is proved: a nonce of ours for it came back, so it is the sender's own.

        A device's failures are those of the person whose it is.
        """
        proved = digest.nonce_age(self._secret, credentials.nonce, time.time(), domain, source) is not None
        name = credentials.username.lower()[:64]
        device = view.device(name) if is_device_name(name) else None
        account = f"{name}@{domain}" if device is None else device.aor
        known = device is not None or view.person(account) is not None
        address = source if proved else ""
        told = "" if device is None else name
        self._activity.tell(Kind.REFUSED, account, address, header("User-Agent"), known=known, device=told)

    def _algorithms(self, agent: str) -> tuple[digest.Algorithm, ...]:
        """What a phone that calls itself so is offered, strongest first."""
        if not self._settings.md5:
            return (digest.Algorithm.SHA256,)
        if agent.startswith(self._settings.md5_only_user_agents):
            return (digest.Algorithm.MD5,)
        return (digest.Algorithm.SHA256, digest.Algorithm.MD5)

    def challenge_here(self, realm: str) -> None:
        """Let the final answer to a request, which is 407, ask for a proof to this site."""
        nonce = digest.make_nonce(self._secret, time.time(), realm, text("$si"))
        offered = self._algorithms(header("User-Agent"))
        KSR.hdr.append_to_reply(digest.challenges("Proxy-Authenticate", realm, nonce, stale=True, algorithms=offered))

    def _challenge(self, name: str, realm: str, source: str, *, stale: bool) -> None:
        nonce = digest.make_nonce(self._secret, time.time(), realm, source)
        agent = header("User-Agent")
        offered = self._algorithms(agent)
        KSR.hdr.append_to_reply(digest.challenges(name, realm, nonce, stale=stale, algorithms=offered))
        if name == "WWW-Authenticate":
            KSR.sl.send_reply(401, "Unauthorized")
        else:
            KSR.sl.send_reply(407, "Proxy Authentication Required")


def _is_let_in(person: PersonRecord, view: View) -> bool:
    return person.enabled and person.tenant not in view.config.suspended


def _own(person: PersonRecord, credentials: digest.Credentials) -> bytes:
    """The digest of a person's own secret that is asked for."""
    return person.ha1_sha256 if credentials.algorithm is digest.Algorithm.SHA256 else person.ha1_md5


def _key(*parts: str) -> str:
    """A table key of fixed size: the parts are the stranger's, of any length and any characters."""
    return hashlib.blake2b("|".join(parts).encode("utf-8", "surrogateescape"), digest_size=12).hexdigest()


def _essence(uri: str) -> str:
    """Scheme-less `user@host` of a SIP URI, lower case."""
    bare = uri.partition(":")[2] if uri[:4].lower() in ("sip:", "sips", "tel:") else uri
    bare = bare.partition(";")[0].partition("?")[0].lower()
    user, at, hostport = bare.rpartition("@")
    host = hostport.partition("]")[0] if hostport.startswith("[") else hostport.partition(":")[0]
    return user.partition(":")[0] + at + host
