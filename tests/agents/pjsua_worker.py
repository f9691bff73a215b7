"""One pjsua2 endpoint, steered by JSON lines: orders on standard input, events on standard output.

Run as a program by tests/agents/pjsua.py. Everything happens in the main thread: pjsua2's own threads and
Python's lock do not go together.
"""

from __future__ import annotations

import json
import os
import select
import sys
import uuid
from pathlib import Path
from typing import Any

import pjsua2 as pj

TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}


def tell(**event: Any) -> None:
    """Print an event."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


class Call(pj.Call):
    """A call with our tone and a recording. `name` stays ours: pjsua's ids are used again at once."""

    def __init__(self, worker: Worker, name: str, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(worker.account, call_id)
        self.worker, self.name = worker, name
        self.recorder: pj.AudioMediaRecorder | None = None
        self.done = False

    def onCallState(self, prm: pj.OnCallStateParam) -> None:  # noqa: N802
        info = self.getInfo()
        tell(event="state", call=self.name, state=info.stateText, code=info.lastStatusCode, reason=info.lastReason)
        self.done = self.done or info.state == pj.PJSIP_INV_STATE_DISCONNECTED

    def onCallMediaState(self, prm: pj.OnCallMediaStateParam) -> None:  # noqa: N802
        info = self.getInfo()  # held: its list lives no longer than it does
        for media in info.media:
            if media.type == pj.PJMEDIA_TYPE_AUDIO:
                tell(event="media", call=self.name, status=media.status, direction=media.dir)
                if media.status in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                    self._connect(self.getAudioMedia(media.index))

    def _connect(self, audio: pj.AudioMedia) -> None:
        if self.recorder is None:
            self.recorder = pj.AudioMediaRecorder()
            self.recorder.createRecorder(str(self.worker.folder / f"{self.name}.wav"))
        audio.startTransmit(self.recorder)
        self.worker.player.startTransmit(audio)

    def onInstantMessage(self, prm: pj.OnInstantMessageParam) -> None:  # noqa: N802
        tell(event="message", sender=prm.fromUri, text=prm.msgBody, call=self.name)

    def onCallTransferStatus(self, prm: pj.OnCallTransferStatusParam) -> None:  # noqa: N802
        tell(event="transfer", call=self.name, code=prm.statusCode, final=prm.finalNotify)

    def onCallTransferRequest(self, prm: pj.OnCallTransferRequestParam) -> None:  # noqa: N802
        call = Call(self.worker, self.worker.next_name())
        self.worker.keep(call)
        prm.newCall = call
        tell(event="transferred", call=self.name, new=call.name, to=prm.dstUri)

    def onCallReplaceRequest(self, prm: pj.OnCallReplaceRequestParam) -> None:  # noqa: N802
        call = Call(self.worker, self.worker.next_name())
        self.worker.keep(call)
        prm.newCall = call
        tell(event="replaced", call=self.name, new=call.name)


class Account(pj.Account):
    """The account."""

    worker: Worker

    def onRegState(self, prm: pj.OnRegStateParam) -> None:  # noqa: N802
        tell(event="registration", code=prm.code, reason=prm.reason, active=self.getInfo().regIsActive)

    def onIncomingCall(self, prm: pj.OnIncomingCallParam) -> None:  # noqa: N802
        call = Call(self.worker, self.worker.next_name(), prm.callId)
        self.worker.keep(call)
        info = call.getInfo()
        tell(event="incoming", call=call.name, sender=info.remoteUri, to=info.localUri)
        rule = self.worker.rule
        if rule["ring"]:
            call.answer(_code(180))
        if rule["code"]:
            call.answer(_code(rule["code"]))

    def onInstantMessage(self, prm: pj.OnInstantMessageParam) -> None:  # noqa: N802
        tell(event="message", sender=prm.fromUri, text=prm.msgBody, call="")

    def onInstantMessageStatus(self, prm: pj.OnInstantMessageStatusParam) -> None:  # noqa: N802
        tell(event="message-status", to=prm.toUri, code=prm.code)


def _code(code: int) -> pj.CallOpParam:
    parameters = pj.CallOpParam(True)
    parameters.statusCode = code
    return parameters


class Worker:
    """The endpoint and its orders."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.folder = Path(options["folder"])
        self.rule = {"ring": True, "code": 200}
        self.calls: dict[str, Call] = {}
        self.count = 0
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = 4
        config.logConfig.level = config.logConfig.consoleLevel = 0
        config.logConfig.filename = str(self.folder / f"{options['name']}-sip.log")
        config.logConfig.fileFlags = 0
        config.logConfig.level = 5
        config.medConfig.noVad = True
        config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
        self.endpoint.libInit(config)
        self._transport()
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCMU") else 0)
        self.player = pj.AudioMediaPlayer()
        self.player.createPlayer(options["tone"])
        self.account = Account()
        self.account.worker = self
        self.account.create(self._account())

    def _transport(self) -> None:
        config = pj.TransportConfig()
        config.boundAddress = self.options["address"]
        config.port = self.options.get("port", 0)
        if self.options["transport"] == "tls" and self.options.get("ca"):
            config.tlsConfig.CaListFile = self.options["ca"]
            config.tlsConfig.verifyServer = True
        self.endpoint.transportCreate(TRANSPORTS[self.options["transport"]], config)

    def _account(self) -> pj.AccountConfig:
        options, config = self.options, pj.AccountConfig()
        config.idUri = options["uri"]
        if options.get("password"):
            domain = options["uri"].partition("@")[2]
            config.regConfig.registrarUri = f"sip:{domain}"
            config.regConfig.registerOnAdd = False
            config.regConfig.timeoutSec = 300
            user = options.get("username") or options["uri"].partition(":")[2].partition("@")[0]
            config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, options["password"]))
        if options.get("proxy"):
            config.sipConfig.proxies.append(f"sip:{options['proxy']};transport={options['transport']};lr")
        # All pjsua2 of a machine would have the same one otherwise.
        config.natConfig.sipOutboundInstanceId = f"<urn:uuid:{uuid.uuid4()}>"
        config.mediaConfig.transportConfig.boundAddress = options["address"]
        config.mediaConfig.transportConfig.port = options.get("rtp_port", 0)
        config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_DISABLED
        return config

    def next_name(self) -> str:
        """A name for a call."""
        self.count += 1
        return f"{self.options['name']}-call{self.count}"

    def keep(self, call: Call) -> None:
        """Never let go of a call: dropping a stale one hangs up whoever has its id by then."""
        self.calls[call.name] = call

    def obey(self, order: dict[str, Any]) -> None:
        """Carry out one order."""
        call = self.calls.get(order.get("call", ""))
        match order["do"]:
            case "register":
                self.account.setRegistration(order["on"])
            case "rule":
                self.rule = {"ring": order["ring"], "code": order["code"]}
            case "call":
                new = Call(self, order["name"])
                self.keep(new)
                new.makeCall(order["uri"], pj.CallOpParam(True))
            case "answer" if call:
                call.answer(_code(order["code"]))
            case "hangup" if call and not call.done:
                call.hangup(pj.CallOpParam(True))
            case "hold" if call:
                call.setHold(pj.CallOpParam(True))
            case "reinvite" if call:
                parameters = pj.CallOpParam(True)
                parameters.opt.flag = pj.PJSUA_CALL_UNHOLD
                call.reinvite(parameters)
            case "transfer" if call:
                call.xfer(order["uri"], pj.CallOpParam(True))
            case "transfer-to" if call:
                call.xferReplaces(self.calls[order["other"]], pj.CallOpParam(True))
            case "message":
                buddy, config = pj.Buddy(), pj.BuddyConfig()
                config.uri = order["uri"]
                buddy.create(self.account, config)
                parameters = pj.SendInstantMessageParam()
                parameters.content = order["text"]
                buddy.sendInstantMessage(parameters)
            case _:
                tell(event="error", text=f"not possible: {order}")

    def run(self) -> None:
        """Serve until standard input ends."""
        tell(event="ready")
        pending = b""
        while True:
            self.endpoint.libHandleEvents(10)
            if not select.select([0], [], [], 0)[0]:
                continue
            data = os.read(0, 65536)
            if not data:
                return
            *lines, pending = (pending + data).split(b"\n")
            for line in lines:
                try:
                    self.obey(json.loads(line))
                except pj.Error as error:
                    tell(event="error", text=error.info())


if __name__ == "__main__":
    Worker(json.loads(sys.argv[1])).run()
    os._exit(0)
