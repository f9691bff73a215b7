import {
  Avatar, Button, CounterBadge, Field, Input, makeStyles, MessageBar, MessageBarBody, mergeClasses, Subtitle2, Text, tokens,
} from "@fluentui/react-components";
import { ChatRegular } from "@fluentui/react-icons/svg/chat";
import { PeopleAddRegular } from "@fluentui/react-icons/svg/people-add";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { api, told } from "../api/client";
import { titleOf, type ChatInfo, type ChatSummary, type Message } from "../chats/model";
import { Outbox } from "../chats/outbox";
import { useLive, useLiveEvent, useWhenUp } from "../live/provider";
import { language, say } from "../messages";
import { Conversation } from "./Conversation";
import { GroupDialog } from "./GroupDialog";
import { useListStyles } from "./Search";
import { WORDS } from "../messages/writing";

const useStyles = makeStyles({
  columns: {
    display: "grid",
    gap: tokens.spacingHorizontalL,
    gridTemplateColumns: "minmax(0, 1fr)",
    "@media (min-width: 48rem)": { gridTemplateColumns: "minmax(0, 2fr) minmax(0, 3fr)" },
  },
  head: {
    display: "flex",
    gap: tokens.spacingHorizontalS,
    alignItems: "end",
    flexWrap: "wrap",
    "& > button": { flexShrink: 0, whiteSpace: "nowrap" },
  },
  field: { flexGrow: 1, minWidth: 0, "& input": { minWidth: 0 } },
  list: { maxHeight: "28rem", overflowY: "auto" },
  chat: { justifyContent: "start", width: "100%", textAlign: "start", gap: tokens.spacingHorizontalM },
  open: { backgroundColor: tokens.colorNeutralBackground1Selected },
  line: { whiteSpace: "nowrap", overflow: "hidden", textOverflow: "ellipsis", display: "block" },
});

const SHOWN = 8;
const moment = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" });

interface Props {
  own: string;
}

/** What is open: a conversation, and the message in it that was looked for. */
interface Open {
  chat: string;
  at?: Message | undefined;
}

export default function Chats({ own }: Props) {
  const styles = useStyles();
  const live = useLive();
  const queries = useQueryClient();
  const [open, setOpen] = useState<Open>();
  const [group, setGroup] = useState(false);
  const [failed, setFailed] = useState("");

  const chats = useQuery({
    queryKey: ["chats"],
    enabled: live !== undefined,
    staleTime: Infinity,
    queryFn: async () => (await live?.ask("chats")) as ChatSummary[],
  });
  const timer = useRef<number>(undefined);
  const again = useCallback(() => {
    // Many events come at once; the list is asked for once.
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => void queries.invalidateQueries({ queryKey: ["chats"] }), 150);
  }, [queries]);
  useEffect(() => () => { window.clearTimeout(timer.current); }, []);
  useLiveEvent("chat.message", again);
  useLiveEvent("chat.changed", again);
  useLiveEvent("chats.again", again);
  useLiveEvent("chat.mark", again);

  const outbox = useMemo(() => (live ? new Outbox(live, again) : undefined), [live, again]);
  useEffect(() => () => { outbox?.stop(); }, [outbox]);
  useWhenUp(() => {
    again();
    void outbox?.send();
  });

  const unread = (chats.data ?? []).reduce((sum, each) => sum + each.unread, 0);
  useEffect(() => {
    document.title = unread > 0 ? `(${String(unread)}) ${say("title")}` : say("title");
  }, [unread]);

  const start = (aor: string) => {
    live?.ask("chat.open", { aor }).then(
      (info) => { setFailed(""); setOpen({ chat: (info as ChatInfo).id }); },
      (error: unknown) => { setFailed((error as Error).message); },
    );
  };
  return (
    <section aria-labelledby="chats">
      <Subtitle2 as="h2" id="chats">
        {say("chats")}
      </Subtitle2>
      {failed && <Failed reason={failed} />}
      <div className={styles.columns}>
        <div>
          <Finder own={own} chats={chats.data ?? []} onPerson={start} onMessage={(at) => { setOpen({ chat: at.chat, at }); }}>
            <Button icon={<PeopleAddRegular />} onClick={() => { setGroup(true); }}>
              {say("newGroup")}
            </Button>
          </Finder>
          {chats.isError && <Failed reason={chats.error.message} />}
          {chats.isSuccess && chats.data.length === 0 && <Text block>{say("noChats")}</Text>}
          <List chats={chats.data ?? []} own={own} open={open?.chat} onOpen={(chat) => { setOpen({ chat }); }} />
        </div>
        {open && outbox && (
          <Conversation
            key={`${open.chat} ${open.at?.id ?? ""}`}
            chat={open.chat}
            at={open.at}
            own={own}
            outbox={outbox}
            onLeft={() => { setOpen(undefined); }}
          />
        )}
      </div>
      {group && (
        <GroupDialog
          own={own}
          onClose={() => { setGroup(false); }}
          onDone={async (title, aors) => {
            const info = (await live?.ask("chat.group", { chat: crypto.randomUUID(), title, aors })) as ChatInfo;
            setOpen({ chat: info.id });
          }}
        />
      )}
    </section>
  );
}

export function Failed({ reason }: { reason: string }) {
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>{say("chatFailed", { reason })}</MessageBarBody>
    </MessageBar>
  );
}

interface ListProps {
  chats: readonly ChatSummary[];
  own: string;
  open: string | undefined;
  onOpen: (chat: string) => void;
}

function List({ chats, own, open, onOpen }: ListProps) {
  const styles = useStyles();
  const rows = useListStyles();
  return (
    <ul className={mergeClasses(rows.list, styles.list)} aria-label={say("chats")}>
      {chats.map((chat) => {
        const name = titleOf(chat, own);
        return (
          <li key={chat.id}>
            <Button
              appearance="subtle"
              className={mergeClasses(styles.chat, chat.id === open && styles.open)}
              aria-current={chat.id === open}
              icon={<Avatar name={name} aria-hidden size={32} />}
              onClick={() => { onOpen(chat.id); }}
            >
              <span className={rows.text}>
                <Text weight={chat.unread > 0 ? "bold" : "semibold"} className={styles.line}>
                  <bdi>{name}</bdi>
                </Text>
                <Text size={200} className={styles.line} dir="auto">
                  {chat.last ? shownText(chat.last) : say("noMessages")}
                </Text>
              </span>
              {chat.unread > 0 && (
                <CounterBadge count={chat.unread} aria-label={say("unread", { count: String(chat.unread) })} role="img" />
              )}
            </Button>
          </li>
        );
      })}
    </ul>
  );
}

const shownText = (message: Message): string =>
  message.state === "deleted" ? say("messageDeleted") : message.text || (message.file?.name ?? "");

interface FinderProps {
  own: string;
  chats: readonly ChatSummary[];
  onPerson: (aor: string) => void;
  onMessage: (message: Message) => void;
  children: React.ReactNode;
}

/** One field for whom to write to, and for what was written. */
function Finder({ own, chats, onPerson, onMessage, children }: FinderProps) {
  const styles = useStyles();
  const rows = useListStyles();
  const live = useLive();
  const [typed, setTyped] = useState("");
  const text = useDeferredValue(typed.trim());
  const people = useQuery({
    queryKey: ["contacts", text],
    enabled: text !== "",
    placeholderData: keepPreviousData,
    queryFn: async () => told(await api.GET("/v1/contacts", { params: { query: { match: text, limit: SHOWN } } })),
  });
  const messages = useQuery({
    queryKey: ["chat.search", text],
    enabled: text.length > 1 && live !== undefined,
    placeholderData: keepPreviousData,
    queryFn: async () => (await live?.ask("chat.search", { text })) as Message[],
  });
  const names = new Map(chats.map((chat) => [chat.id, titleOf(chat, own)]));
  const found = text === "" ? [] : (people.data ?? []).filter(({ aor }) => aor !== own);
  const said = text.length > 1 ? (messages.data ?? []).slice(0, SHOWN) : [];
  return (
    <>
      <div className={styles.head}>
        <Field label={say("findChats")} className={styles.field}>
          <Input {...WORDS} type="search" autoComplete="off" value={typed} onChange={(_, { value }) => { setTyped(value); }} />
        </Field>
        {children}
      </div>
      {messages.isError && text.length > 1 && <Failed reason={messages.error.message} />}
      {found.length > 0 && (
        <ul className={rows.list} aria-label={say("people")}>
          {found.map(({ aor, display_name: name }) => (
            <li key={aor}>
              <Button appearance="subtle" icon={<ChatRegular />} className={styles.chat} onClick={() => { setTyped(""); onPerson(aor); }}>
                <bdi>{say("writeTo", { name: name || aor })}</bdi>
              </Button>
            </li>
          ))}
        </ul>
      )}
      {said.length > 0 && (
        <ul className={rows.list} aria-label={say("messagesFound")}>
          {said.map((message) => (
            <li key={message.id}>
              <Button appearance="subtle" className={styles.chat} onClick={() => { onMessage(message); }}>
                <span className={rows.text}>
                  <Text size={200}>
                    <bdi>{names.get(message.chat) ?? ""}</bdi> {moment.format(message.at * 1000)}
                  </Text>
                  <Text className={styles.line} dir="auto">{shownText(message)}</Text>
                </span>
              </Button>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
