import { Button, MessageBar, MessageBarActions, MessageBarBody } from "@fluentui/react-components";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { shownAddress } from "../calls/address";
import { reportsOf } from "../calls/leaving";
import { isUp, type Call } from "../calls/model";
import { ask, listen, permission, tellOfCalls, tellOfMessage } from "../calls/notices";
import type { Phone } from "../calls/phone";
import type { ChatSummary, Message } from "../chats/model";
import { useLive, useLiveEvent, useLiveStatus } from "../live/provider";
import { say } from "../messages";

const TOLD_AGAIN_MS = 2000;
const TAB = crypto.randomUUID();

interface Props {
  calls: readonly Call[];
  phone: Phone | undefined;
  own: string;
  domain: string;
}

/** Notifications of the browser; asked for where that was not decided yet. */
export function Notices({ calls, phone, own, domain }: Props) {
  const [allowed, setAllowed] = useState(permission);
  const queries = useQueryClient();
  useEffect(() => listen(({ action, call }) => {
    if (call === undefined) return;
    if (action === "answer") phone?.answer(call);
    if (action === "decline") phone?.decline(call);
  }), [phone]);
  useEffect(() => {
    const tell = () => void tellOfCalls(calls, (call) => call.name || shownAddress(call.uri, domain), TAB);
    tell();
    // Who comes back sees the page ring; who leaves it is told from then on.
    document.addEventListener("visibilitychange", tell);
    window.addEventListener("blur", tell);
    // A worker that just begins may miss it; what is told already is not told again.
    const timer = calls.some(({ stage }) => stage === "incoming") ? window.setInterval(tell, TOLD_AGAIN_MS) : undefined;
    return () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", tell);
      window.removeEventListener("blur", tell);
    };
  }, [calls, domain, allowed]);
  useLeaving(calls, phone);
  const live = useLive();
  const tell = async (message: Message) => {
    const isOf = ({ id }: ChatSummary) => id === message.chat;
    const known = queries.getQueryData<ChatSummary[]>(["chats"])?.find(isOf);
    // The first message of a conversation comes before the list has that.
    const chat = known ?? ((await live?.ask("chats")) as ChatSummary[] | undefined)?.find(isOf);
    const author = chat?.members.find(({ id }) => id === message.author);
    if (author?.aor === own) return;
    const from = author ? author.name || author.aor : say("message");
    await tellOfMessage(message.chat, from, message.text || (message.file?.name ?? ""));
  };
  useLiveEvent("chat.message", (event) => {
    const message = event["message"] as Message;
    if (message.state === "" && permission() === "granted") tell(message).catch(() => undefined);
  });
  return allowed === "default" ? (
    <Button title={say("noticesWhy")} onClick={() => { void ask().then(setAllowed); }}>
      {say("notices")}
    </Button>
  ) : null;
}

/** The site ends the calls of a page that is gone, unless it is back soon: no page knows if it is only loaded anew. */
function useLeaving(calls: readonly Call[], phone: Phone | undefined): void {
  const live = useLive();
  const status = useLiveStatus();
  const up = calls.filter(({ stage }) => stage === "talking").length;
  useEffect(() => {
    const say = (name: string, more: (ids: string[]) => object) => {
      const ids = phone?.callIds() ?? [];
      if (ids.length > 0) live?.ask(name, { calls: ids, ...more(ids) }).catch(() => undefined);
    };
    if (status === "up" && up > 0) say("calls.back", () => ({}));
    // There is nobody left to report how they sounded, unless the page is back.
    const leave = () => { say("calls.leave", (ids) => ({ reports: reportsOf(ids) })); };
    window.addEventListener("pagehide", leave);
    return () => { window.removeEventListener("pagehide", leave); };
  }, [live, status, up, phone]);
}

const BUILD = document.querySelector<HTMLMetaElement>("meta[name=build]")?.content ?? "";

/** Whether the site has another version of the page by now: it is loaded when somebody likes to, and no call is up. */
export function NewVersion({ calls }: { calls: readonly Call[] }) {
  const [stale, setStale] = useState(false);
  useLiveEvent("welcome", ({ build }) => {
    if (typeof build === "string" && build !== "") setStale(build !== BUILD);
  });
  if (!stale) return null;
  const talking = calls.some(isUp);
  return (
    <MessageBar intent="info" layout="multiline">
      <MessageBarBody>{say(talking ? "newVersionLater" : "newVersion")}</MessageBarBody>
      <MessageBarActions>
        <Button disabled={talking} onClick={() => { location.reload(); }}>
          {say("loadVersion")}
        </Button>
      </MessageBarActions>
    </MessageBar>
  );
}
