// Texts of how a call sounds, and of the self-test: loaded with them.

export const en = {
  quality: "Quality",
  howItSounds: "How it sounds",
  mos: "Quality (1 to 5)",
  codec: "Codec",
  lossIn: "Loss, what comes",
  lossOut: "Loss, what goes",
  jitter: "Jitter",
  roundTrip: "Round trip",
  path: "Path",
  measuring: "It is being measured …",
  "kind.host": "direct",
  "kind.srflx": "direct, through NAT",
  "kind.prflx": "direct, through NAT",
  "kind.relay": "by the site's relay (TURN)",
  "finding.noWay": "Sound finds no way between you and the site. A firewall may be in between: try another network, or the self-test.",
  "finding.muted": "You are muted: nobody hears you.",
  "finding.microphoneEnded": "Your microphone is gone. Plug it in again, or choose another one under Sound.",
  "finding.nothingSent": "Nothing of yours leaves this browser. Choose your microphone anew under Sound, or reload the page: the call goes on.",
  "finding.nothingReceived": "Nothing comes from the other end: their phone, or the way from there. Ask whether they hear you; if so, it is their end.",
  "finding.microphoneSilent": "Your microphone hears nothing: it may be switched off at the headset, or in the system. Choose another one under Sound.",
  "finding.remoteSilent": "The other end sends silence: their microphone may be muted, or switched off.",
  "finding.lossIn": "Parts of what the other end says are lost on the way to you.",
  "finding.lossOut": "Parts of what you say are lost on the way. A cable is better than Wi-Fi.",
  "finding.jitter": "What comes is irregular: the network is busy. A cable is better than Wi-Fi.",
  "finding.delay": "It takes long from one end to the other.",
  "finding.relayedByTcp": "Your network lets no UDP out, so sound goes by TCP, which bears loss badly.",
  whatIsWrong: "What is wrong?",
  reportProblem: "Report a problem",
  reported: "Your administrator can see it now, with this call.",
  notReported: "It could not be reported: {reason}",
};

export type DiagnosisKey = keyof typeof en;
export type DiagnosisMessages = Readonly<Record<DiagnosisKey, string>>;
