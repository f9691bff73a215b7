// What the decisions of a call's way say, in words. Pure.

import { t } from "../../messages/console";

type Decision = Record<string, unknown>;

export interface End {
  kind: "local" | "dial" | "relay" | "answer";
  /** Who or what it ends at. */
  name: string;
  words: string;
}

const text = (value: unknown) => (typeof value === "string" || typeof value === "number" ? String(value) : "");

/** A decision as the API tells it (routing.model.Decision). */
export function endOf(decision: Decision | undefined): End {
  switch (decision?.["type"]) {
    case "local":
      return { kind: "local", name: text(decision["aor"]), words: t("decidedLocal", { aor: text(decision["aor"]) }) };
    case "dial": {
      const trunk = text(decision["trunk"]);
      return { kind: "dial", name: `${text(decision["number"])} · ${trunk}`, words: t("decidedDial", { trunk, number: text(decision["number"]) }) };
    }
    case "relay":
      return { kind: "relay", name: text(decision["site"]), words: t("decidedRelay", { site: text(decision["site"]) }) };
    default: {
      const answer = `${text(decision?.["code"])} ${text(decision?.["reason"])}`.trim();
      return { kind: "answer", name: answer, words: t("decidedAnswer", { answer }) };
    }
  }
}

export function sourceOf({ source, via }: { source: string; via: string | null }): string {
  switch (source) {
    case "peer":
      return t("sourcePeer", { site: via ?? "" });
    case "trunk":
      return t("sourceTrunk", { trunk: via ?? "" });
    default:
      return t("sourcePhone");
  }
}
