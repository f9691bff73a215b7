"""Accounts at carriers: this site registers there, and proves itself where it is asked to (RFC 3261, 10 and 22).

By the engine's own client for the transactions, so that nothing else has to run for calls to come in. The rules are in
sip/registering.py. What is known of each is in memory that all processes share, and gone with the engine: it then
registers anew. Each REGISTER has a Call-ID of its own, since the engine's client does not count CSeq up.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from pathlib import Path

import msgspec

from isthmus.addressing.hostport import bracketed
from isthmus.engines.kamailio import hops, recording
from isthmus.engines.kamailio.config import RegistrationSettings, TrunkSettings
from isthmus.engines.kamailio.ksr import KSR, header, headers, text
from isthmus.engines.kamailio.site import Site
from isthmus.sip import registering
from isthmus.sip.registering import TABLE, Registration
from isthmus.useragent import auth

_LONGEST_PROOF = 1500  # the engine's client takes 2,047 bytes of headers
_CHALLENGES = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
_ANSWERS = {401: "Authorization", 407: "Proxy-Authorization"}
REFRESHES = frozenset({"INVITE", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER", "PRACK"})
"""Methods in a dialog whose answers may bring a new Contact, or SDP."""
_DONE = "proved"  # in the parameter of a REGISTER that bears credentials


def tick(site: Site) -> None:
    """Once a second, in a process of its own: send what is due."""
    now = time.monotonic()
    for trunk in site.trunks.values():
        if trunk.registration is None:
            continue
        before = _known(trunk)
        known = registering.waited(before, now)
        if known != before:
            _keep(trunk, known)
        if registering.is_due(known, now):
            _keep(trunk, registering.sent(known, now))
            _register(site, trunk, trunk.registration, known.expires_s)


def answered(site: Site) -> None:
    """The final answer to one of our REGISTER requests."""
    name, _, mark = text("$uac_req(evparam)").partition(" ")
    trunk = site.trunks.get(name)
    if trunk is None or trunk.registration is None:
        return
    account, code, now = trunk.registration, int(KSR.pv.get("$uac_req(evcode)") or 0), time.monotonic()
    known = _known(trunk)
    if int(KSR.pv.get("$uac_req(evtype)") or 0) != 1:  # there is none: the engine made it up
        _keep(trunk, registering.silent(known, now))
    elif 200 <= code < 300:
        given = registering.granted(header("Expires"), headers("Contact"), account.contact_user)
        _keep(trunk, registering.accepted(known, now, given))
    elif code in _CHALLENGES and (not mark or _is_stale(code)):
        proof = _credentials(account, code, "REGISTER", _registrar(account))
        if proof and len(proof) < _LONGEST_PROOF:
            _register(site, trunk, account, known.expires_s, proof)
        else:
            _keep(trunk, registering.refused(known, now, code, "No Challenge That Can Be Answered"))
    elif code == 423:
        _keep(trunk, registering.too_brief(known, now, _seconds(header("Min-Expires"))))
    else:
        failed = registering.refused(known, now, code, text("$rr"), _seconds(header("Retry-After")))
        if failed.error != known.error:
            KSR.warn(f"trunk {name} does not take our registration: {failed.error}\n")
        _keep(trunk, failed)


def is_calling_us(trunk: TrunkSettings, user: str) -> bool:
    """Whether the user part of a Request-URI is that of our Contact there, which says nothing of who is called."""
    return trunk.registration is not None and user == trunk.registration.contact_user


def goes_to(trunk: TrunkSettings | None, uri: str) -> bool:
    """Remember where the request at hand goes, and with which Request-URI; whether there is an account."""
    if trunk is None or trunk.registration is None:
        KSR.pv.unset("$avp(account)")
        return False
    KSR.pv.sets("$avp(account)", trunk.name)
    KSR.pv.sets("$avp(proof_uri)", uri)
    return True


def note_challenge(site: Site, code: int) -> None:
    """Remember what the trunk at hand wants proved, as long as its answer can be read."""
    trunk = site.trunks.get(text("$avp(account)"))
    KSR.pv.unset("$avp(challenge)")
    if trunk is None or trunk.registration is None or code not in _CHALLENGES:
        return
    if KSR.pv.get("$avp(proved)") is not None and not _is_stale(code):
        return
    first = auth.parameters(next(iter(_challenges(code)), ""))
    if first.get("algorithm", "MD5").upper() == "MD5":
        KSR.pv.sets("$avp(challenge)", first.get("realm", ""))
        return
    # The engine's client knows MD5 alone. Only by its way can CSeq be counted up so that a CANCEL still fits.
    proof = _credentials(trunk.registration, code, text("$rm"), text("$avp(proof_uri)"))
    if proof:
        KSR.pv.sets("$avp(proof)", proof)


def take_proof(site: Site) -> bool:
    """Whether the request at hand can go out again, with the credentials that its trunk has asked for.

    By the engine's own client where it can be: the next CSeq goes with them (RFC 3261 section 22.2), and all that
    follows in the dialog is counted up likewise.
    """
    trunk = site.trunks.get(text("$avp(account)"))
    if trunk is None or trunk.registration is None:
        return False
    realm, account = KSR.pv.get("$avp(challenge)"), trunk.registration
    if realm is not None:
        KSR.pv.unset("$avp(challenge)")
        secret = f"{account.auth_user}:{realm}:{_password(account)}".encode()
        ha1 = hashlib.md5(secret, usedforsecurity=False).hexdigest()  # the carrier's choice
        for name, value in (("arealm", str(realm)), ("auser", account.auth_user), ("apasswd", ha1)):
            KSR.pv.sets(f"$avp({name})", value)
        done = KSR.uac.uac_auth_mode(1) > 0
        KSR.pv.unset("$avp(apasswd)")
        if not done:
            return False
        KSR.pv.sets("$avp(counted)", "1")
    else:
        proof = KSR.pv.get("$avp(proof)")
        if proof is None:
            return False
        KSR.pv.unset("$avp(proof)")
        KSR.hdr.append(str(proof))
    KSR.pv.sets("$avp(proved)", "1")
    return True


def within(site: Site) -> None:
    """A request in a dialog was refused: once more with what the carrier wants proved.

    Where that can't be the phone does not hear of it either: its password is not for carriers.
    """
    trunk = site.trunks.get(text("$avp(account)"))
    if trunk is None or int(KSR.pv.get("$T_reply_code") or 0) not in _CHALLENGES:
        return
    if not take_proof(site):
        KSR.tm.t_reply(500, "Not Proved")
        return
    KSR.pv.unset("$avp(counted)")
    KSR.seturi(text("$avp(proof_uri)"))  # else there is no branch to send
    hops.to_trunk(site, trunk)
    follow_within(text("$rm"))
    KSR.tm.t_relay()


def follow_within(method: str) -> None:
    """See the answers to the request at hand, which goes to a carrier in a dialog."""
    KSR.tm.t_on_failure("ksr_failure_within")
    KSR.tm.t_on_reply("ksr_reply_in" if method in REFRESHES else "ksr_reply_within")


def noted(site: Site) -> None:
    """The answer to a request in a dialog of which nothing else has to be known."""
    code = int(KSR.pv.get("$rs"))
    if code in _CHALLENGES:
        note_challenge(site, code)
    recording.answered_within(site)


def keep_count() -> None:
    """The CSeq of the branch at hand, where the call has been proved on the way."""
    if KSR.pv.get("$avp(counted)") is not None:
        KSR.pv.unset("$avp(counted)")  # the engine has just done it
        return
    counted = KSR.pv.get("$dlg_var(cseq_diff)")
    if counted is not None:
        # Another trunk than the one that wanted it proved. Its ACK will be counted up, and so has to be its INVITE.
        KSR.hdr.append(f"P-K-CSeq-Auth: {int(text('$cs')) + int(str(counted))}\r\n")


def _register(site: Site, trunk: TrunkSettings, account: RegistrationSettings, expires_s: int, proof: str = "") -> None:
    lines = f"Contact: <{account.contact}>\r\nExpires: {expires_s}\r\nSupported: path\r\n{proof}"
    fields = {
        "method": "REGISTER",
        "ruri": _registrar(account),
        "furi": f"sip:{account.address}",
        "turi": f"sip:{account.address}",
        "ouri": _entrance(site, trunk),
        "sock": site.settings.sockets[trunk.edge],
        "hdrs": lines,
        "callid": secrets.token_hex(12),
        "evparam": f"{trunk.name} {_DONE}" if proof else trunk.name,
    }
    # What was set before stays where it is not replaced, and another trunk's headers may be in it.
    KSR.pv.unset("$uac_req(all)")
    for name, value in fields.items():
        KSR.pv.sets(f"$uac_req({name})", value)
    KSR.pv.seti("$uac_req(evroute)", 1)
    if KSR.uac.uac_req_send() < 0:
        KSR.warn(f"trunk {trunk.name}: the REGISTER can't be sent\n")


def _registrar(account: RegistrationSettings) -> str:
    return f"sip:{account.address.partition('@')[2]}"


def _entrance(site: Site, trunk: TrunkSettings) -> str:
    if trunk.out_port:
        return f"sip:{bracketed(site.settings.internal_host)}:{trunk.out_port};transport=tcp"
    return f"sip:{trunk.uri_tail}"


def _credentials(account: RegistrationSettings, code: int, method: str, uri: str) -> str:
    """The header line that answers the challenges of the message at hand; empty where none can be."""
    value = auth.credentials(_challenges(code), method, uri, account.auth_user, _password(account))
    return "" if value is None else f"{_ANSWERS[code]}: {value}\r\n"


def _password(account: RegistrationSettings) -> str:
    """Read anew each time: a new one needs no restart. Empty where it can't be, which no carrier takes."""
    try:
        return Path(account.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        KSR.err(f"the password of {account.address} can't be read: {type(error).__name__}\n")
        return ""


def _challenges(code: int) -> list[str]:
    found: list[str] = []
    while (value := KSR.pv.get(f"$(hdr({_CHALLENGES[code]})[{len(found)}])")) is not None:
        found.append(str(value))
    return found


def _is_stale(code: int) -> bool:
    """Whether only the nonce was too old (RFC 7616 section 3.3): the password may be right."""
    return any(auth.parameters(value).get("stale", "").lower() == "true" for value in _challenges(code))


def _seconds(value: str) -> int:
    digits = value.strip().partition(" ")[0].partition(";")[0].partition("(")[0]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else 0


def _known(trunk: TrunkSettings) -> Registration:
    kept = KSR.htable.sht_get(TABLE, trunk.name)
    if kept is None:
        return Registration(trunk.registration.expires_s if trunk.registration else 0)
    return msgspec.json.decode(str(kept), type=Registration)


def _keep(trunk: TrunkSettings, registration: Registration) -> None:
    KSR.htable.sht_sets(TABLE, trunk.name, msgspec.json.encode(registration).decode())
