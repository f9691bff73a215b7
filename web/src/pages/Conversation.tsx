import {
  Button, Field, Link, makeStyles, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, mergeClasses, Subtitle2, Text, Textarea, tokens,
} from "@fluentui/react-components";
import { AttachRegular } from "@fluentui/react-icons/svg/attach";
import { ArrowDownRegular } from "@fluentui/react-icons/svg/arrow-down";
import { EmojiRegular } from "@fluentui/react-icons/svg/emoji";
import { MoreHorizontalRegular } from "@fluentui/react-icons/svg/more-horizontal";
import { SendRegular } from "@fluentui/react-icons/svg/send";
import { lazy, memo, Suspense, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore, type KeyboardEvent } from "react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { flushSync } from "react-dom";
import { bring, save } from "../chats/files";
import {
  bytesOf, inserted, MOST_TEXT, pieces, reachOf, sizeText, titleOf, upTo, withMark, type ChatInfo, type Mark, type Message,
} from "../chats/model";
import type { Outbox, Waiting } from "../chats/outbox";
import { dayText, rowsOf, type Row } from "../chats/rows";
import { behind, caughtUp, newest, NOTHING, placeOf, withPage, withTold, type Stretch } from "../chats/window";
import { useLive, useLiveEvent, useWhenUp } from "../live/provider";
import { language, say } from "../messages";
import { Failed } from "./Chats";
import { GroupDialog } from "./GroupDialog";
import { MembersDialog } from "./MembersDialog";
import { WORDS_LINES } from "../messages/writing";

const EmojiPicker = lazy(() => import("./EmojiPicker"));

const PAGE = 50;
const LARGE_PAGE = 250; // once the connection is back
const ROW_PX = 64; // about
const GAP_PX = 4;
const END_PX = 40; // so near counts as the end
const EARLY = 10; // rows that are left above or below when more are asked for
const TYPING_SHOWN_MS = 5000;
const TYPING_TOLD_MS = 3000;

const useStyles = makeStyles({
  head: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "center" },
  title: { flexGrow: 1, minWidth: 0, overflowWrap: "anywhere" },
  around: { position: "relative" },
  log: {
    height: "24rem",
    overflowY: "auto",
    // The list keeps its place by itself.
    overflowAnchor: "none",
    padding: tokens.spacingHorizontalS,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    borderRadius: tokens.borderRadiusMedium,
  },
  rows: { position: "relative", width: "100%" },
  row: { position: "absolute", top: 0, insetInlineStart: 0, width: "100%", display: "flex", flexDirection: "column" },
  day: {
    alignSelf: "center",
    margin: `${tokens.spacingVerticalS} 0`,
    fontSize: tokens.fontSizeBase200,
    color: tokens.colorNeutralForeground2,
  },
  toEnd: { position: "absolute", insetInlineEnd: tokens.spacingHorizontalL, bottom: tokens.spacingVerticalS },
  message: {
    maxWidth: "85%",
    alignSelf: "start",
    padding: `${tokens.spacingVerticalXS} ${tokens.spacingHorizontalM}`,
    borderRadius: tokens.borderRadiusLarge,
    backgroundColor: tokens.colorNeutralBackground3,
  },
  own: { alignSelf: "end", backgroundColor: tokens.colorBrandBackground2 },
  found: { outline: `2px solid ${tokens.colorBrandStroke1}` },
  text: { whiteSpace: "pre-wrap", overflowWrap: "anywhere", display: "block" },
  meta: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "center", flexWrap: "wrap" },
  composer: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "end" },
  field: { flexGrow: 1 },
  typing: { minHeight: tokens.lineHeightBase200, display: "block" },
  hidden: { display: "none" },
});

const moment = new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "short" });

interface Props {
  chat: string;
  at: Message | undefined;
  own: string;
  outbox: Outbox;
  onLeft: () => void;
}

export function Conversation({ chat, at, own, outbox, onLeft }: Props) {
  const styles = useStyles();
  const live = useLive();
  const [info, setInfo] = useState<ChatInfo>();
  const [stretch, setStretch] = useState(NOTHING);
  const [marks, setMarks] = useState<Mark[]>([]);
  const [sought, setSought] = useState(false); // somebody asked for the newest
  const [unseen, setUnseen] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState(false);
  const [failed, setFailed] = useState("");
  const [editing, setEditing] = useState<Message>();
  const [adding, setAdding] = useState(false);
  const [showing, setShowing] = useState(false);
  const written = useSyncExternalStore(outbox.subscribe, outbox.snapshot);
  const waiting = useMemo(() => written.filter((each) => each.chat === chat), [written, chat]);
  const typing = useTyping(chat);
  const me = info?.members.find(({ aor }) => aor === own)?.id;

  const fail = useCallback((error: unknown) => { setFailed((error as Error).message); }, []);
  const ask = useCallback(
    async (name: string, body: Record<string, unknown> = {}) => live?.ask(name, { chat, ...body }),
    [live, chat],
  );
  const take = useCallback((news: readonly Message[]) => { setStretch((known) => withTold(known, news)); }, []);
  const held = useRef<Stretch>(stretch);
  useEffect(() => { held.current = stretch; });
  const away = useRef(at !== undefined);

  const lookAgain = useCallback(async () => {
    const { messages, newer } = held.current;
    const [first, last] = [messages[0], messages.at(-1)];
    const told = (await ask("chat.info")) as ChatInfo;
    setInfo(told);
    setMarks(told.marks);
    const page = async (more: Record<string, unknown>) => (await ask("chat.history", more)) as Message[];
    if (first && newer) {
      const again = await page({ limit: LARGE_PAGE, after: [first.stamp, ""] });
      const ends = again.length < LARGE_PAGE ? { newer: false } : {};
      setStretch((known) => (known.messages[0]?.id === first.id ? withPage(known, again, ends) : known));
    } else if (at && !first) {
      const place = behind(at);
      const [early, late] = [await page({ limit: PAGE, before: place }), await page({ limit: PAGE, after: place })];
      setStretch((known) =>
        withPage(known, [...early, ...late], { older: early.length === PAGE, newer: late.length === PAGE }));
    } else {
      const limit = first ? LARGE_PAGE : PAGE;
      const again = await page({ limit });
      setStretch((known) => caughtUp(known, again, again.length < limit, last, away.current));
    }
    setFailed("");
  }, [ask, at]);
  useWhenUp(() => { lookAgain().catch(fail); });
  useLiveEvent("chats.again", () => { lookAgain().catch(fail); });
  useLiveEvent("chat.changed", (event) => {
    if (event["chat"] === chat) ask("chat.info").then((told) => { setInfo(told as ChatInfo); }, fail);
  });
  useLiveEvent("chat.message", (event) => {
    if (event["chat"] !== chat) return;
    const message = event["message"] as Message;
    take([message]);
    if (away.current && message.state === "" && message.author !== me) setUnseen((known) => new Set(known).add(message.id));
  });
  useLiveEvent("chat.mark", (event) => {
    if (event["chat"] === chat) setMarks((known) => withMark(known, event as unknown as Mark));
  });

  useRead(stretch.messages, me, marks, (heads) => { ask("chat.mark", { upTo: heads }).catch(fail); });

  /** Asks for a page and takes it, unless what it was to join has given way to another meanwhile. */
  const extend = (body: Record<string, unknown>, joined: (known: Stretch, page: Message[]) => Stretch) => {
    setAsking(true);
    ask("chat.history", { limit: PAGE, ...body })
      .then((page) => { setStretch((known) => joined(known, page as Message[])); }, fail)
      .finally(() => { setAsking(false); });
  };
  const earlier = () => {
    const first = stretch.messages[0];
    if (!first || !stretch.older || asking) return;
    extend({ before: placeOf(first) }, (known, page) =>
      known.messages[0]?.id === first.id ? withPage(known, page, { older: page.length === PAGE }) : known);
  };
  const later = () => {
    const last = stretch.messages.at(-1);
    if (!last || !stretch.newer || asking) return;
    extend({ after: placeOf(last) }, (known, page) =>
      known.messages.at(-1)?.id === last.id ? withPage(known, page, { newer: page.length === PAGE }) : known);
  };
  const toNewest = () => { extend({}, (known, page) => newest(known, page, page.length === PAGE)); };
  // What is not sent yet comes after the newest, and nowhere else.
  const rows = useMemo(() => rowsOf(stretch.messages, stretch.newer ? [] : waiting), [stretch, waiting]);
  if (!info) return failed ? <Failed reason={failed} /> : <Text>{say("loading")}</Text>;
  const title = titleOf(info, own);
  const names = new Map(info.members.map(({ id, name, aor }) => [id, name || aor]));
  const others = info.members.filter(({ aor }) => aor !== own).map(({ id }) => id);
  return (
    <section aria-labelledby="conversation">
      <div className={styles.head}>
        <Subtitle2 as="h3" id="conversation" className={styles.title}>
          <bdi>{title}</bdi>
        </Subtitle2>
        {info.kind === "group" && (
          <GroupMenu
            count={info.members.length}
            onAdd={() => { setAdding(true); }}
            onShow={() => { setShowing(true); }}
            onLeave={() => { ask("chat.leave").then(onLeft, fail); }}
          />
        )}
      </div>
      {failed && <Failed reason={failed} />}
      <Log
        key={stretch.turn}
        rows={rows}
        found={stretch.turn === 0 ? at?.id : undefined}
        held={at !== undefined && stretch.turn === 0}
        sought={sought}
        busy={asking}
        beyond={stretch.newer && rows.length > 0}
        unseen={unseen.size}
        onTop={earlier}
        onBottom={later}
        onNewest={() => { setSought(true); toNewest(); }}
        onAway={(now) => { away.current = now; if (!now) setUnseen(new Set()); }}
        show={({ message, waits, day }) => (
          <>
            {day !== undefined && <div className={styles.day}>{dayText(day, Date.now(), language)}</div>}
            {message && (
              <One
                message={message}
                mine={message.author === me}
                found={message.id === at?.id}
                author={info.kind === "group" ? (names.get(message.author) ?? "—") : ""}
                reach={message.author === me ? reachOf(message, marks, others) : undefined}
                onEdit={() => { setEditing(message); }}
                onDelete={() => { ask("chat.delete", { message: message.id }).then((now) => { take([now as Message]); }, fail); }}
                onFailed={fail}
              />
            )}
            {waits && <NotSent waiting={waits} outbox={outbox} />}
          </>
        )}
      />
      <Text size={200} className={styles.typing} aria-live="polite">
        {typing.length > 0 && say("typing", { name: typing.map((id) => names.get(id) ?? "—").join(", ") })}
      </Text>
      <Composer
        key={editing?.id ?? ""}
        editing={editing}
        onFailed={fail}
        onTyping={() => { ask("chat.typing").catch(() => undefined); }}
        onCancel={() => { setEditing(undefined); }}
        onSend={(text, file) => {
          setFailed("");
          if (!editing) {
            setSought(false);
            if (stretch.newer) toNewest();
            outbox.add({ id: crypto.randomUUID(), chat, text, file });
            return;
          }
          ask("chat.edit", { message: editing.id, text }).then((now) => { take([now as Message]); setEditing(undefined); }, fail);
        }}
      />
      {showing && <MembersDialog own={own} info={info} ask={ask} onClose={() => { setShowing(false); }} />}
      {adding && (
        <GroupDialog
          own={own}
          title={info.title}
          present={info.members.map(({ aor }) => aor)}
          onClose={() => { setAdding(false); }}
          onDone={async (_, aors) => { await ask("chat.add", { aors }); }}
        />
      )}
    </section>
  );
}

/** Who is typing, by id; forgotten after a while. */
function useTyping(chat: string): string[] {
  const [typing, setTyping] = useState<ReadonlyMap<string, number>>(new Map());
  const note = (person: string, until: number | undefined) => {
    setTyping((known) => {
      const next = new Map(known);
      if (until === undefined) next.delete(person);
      else next.set(person, until);
      return next;
    });
  };
  useLiveEvent("chat.typing", (event) => {
    if (event["chat"] === chat) note(String(event["person"]), performance.now() + TYPING_SHOWN_MS);
  });
  useLiveEvent("chat.message", (event) => {
    if (event["chat"] === chat) note((event["message"] as Message).author, undefined);
  });
  useEffect(() => {
    if (typing.size === 0) return undefined;
    const timer = window.setInterval(() => {
      setTyping((known) => new Map([...known].filter(([, until]) => until > performance.now())));
    }, 1000);
    return () => { window.clearInterval(timer); };
  }, [typing.size]);
  return [...typing.keys()];
}

/** Says how far one has read, while the page is looked at. */
function useRead(messages: readonly Message[], me: string | undefined, marks: readonly Mark[], mark: (heads: Record<string, number>) => void) {
  const told = useRef("");
  const latest = useRef(mark);
  useEffect(() => { latest.current = mark; });
  useEffect(() => {
    if (me === undefined || messages.length === 0) return undefined;
    const read = () => {
      if (document.visibilityState !== "visible") return;
      const mine = marks.filter(({ person, kind }) => person === me && kind === "read");
      const heads = Object.entries(upTo(messages.filter(({ author }) => author !== me))).filter(
        ([site, stamp]) => !mine.some((each) => each.site === site && each.stamp >= stamp),
      );
      const text = JSON.stringify(heads);
      if (heads.length === 0 || text === told.current) return;
      told.current = text;
      latest.current(Object.fromEntries(heads));
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => { document.removeEventListener("visibilitychange", read); };
  }, [messages, me, marks]);
}

/** Drawn anew only when the conversation is: not while one scrolls. */
const Shown = memo(function Shown({ row, show }: { row: Row; show: (row: Row) => React.ReactNode }) {
  return show(row);
});

interface LogProps {
  rows: readonly Row[];
  /** The message that was looked for, once it is there. */
  found: string | undefined;
  held: boolean;
  /** It is there because somebody asked for the newest, and so takes the focus that the button had. */
  sought: boolean;
  /** Whether older or newer ones are being asked for. */
  busy: boolean;
  /** Whether there are newer ones than the last of these. */
  beyond: boolean;
  /** How many came while one was away from the newest. */
  unseen: number;
  onTop: () => void;
  onBottom: () => void;
  onNewest: () => void;
  onAway: (away: boolean) => void;
  show: (row: Row) => React.ReactNode;
}

/** The messages, of which only those in sight are drawn. The last one stays in view unless one has scrolled away. */
function Log({ rows, found, held, sought, busy, beyond, unseen, onTop, onBottom, onNewest, onAway, show }: LogProps) {
  const styles = useStyles();
  const log = useRef<HTMLDivElement>(null);
  const [scrolled, setScrolled] = useState(held);
  const away = scrolled || beyond;
  useEffect(() => {
    if (sought) log.current?.focus({ preventScroll: true });
  }, [sought]);
  const tellAway = useRef(onAway);
  useEffect(() => { tellAway.current = onAway; });
  useEffect(() => { tellAway.current(away); }, [away]);
  const list = useVirtualizer({
    count: rows.length,
    getScrollElement: () => log.current,
    getItemKey: (index) => rows[index]?.id ?? index,
    estimateSize: () => ROW_PX,
    gap: GAP_PX,
    overscan: 6,
    // What comes before or grows above leaves in place what one looks at.
    anchorTo: "end",
    followOnAppend: !away,
    scrollEndThreshold: END_PX,
    onChange: (now) => { setScrolled(!now.isAtEnd(END_PX)); },
  });
  const begun = useRef(held);
  useLayoutEffect(() => {
    if (begun.current || rows.length === 0) return;
    begun.current = true;
    list.scrollToEnd();
  }, [list, rows.length]);
  const at = found === undefined ? -1 : rows.findIndex(({ id }) => id === found);
  const shown = useRef(false);
  useLayoutEffect(() => {
    if (at < 0 || shown.current) return;
    shown.current = true;
    list.scrollToIndex(at, { align: "center" });
  }, [list, at]);
  const items = list.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  const top = useRef(onTop);
  const bottom = useRef(onBottom);
  const settled = useRef(false); // where one is to begin is in sight
  useEffect(() => { top.current = onTop; bottom.current = onBottom; });
  useEffect(() => {
    const begin = at < 0 ? rows.length - 1 : at;
    settled.current ||= rows.length > 0 && ((held && at < 0) || (first <= begin && begin <= last));
    if (!settled.current || busy) return;
    if (first < EARLY) top.current();
    if (beyond && last >= rows.length - EARLY) bottom.current();
  }, [first, last, at, held, rows.length, busy, beyond]);
  const toEnd = () => {
    if (beyond) {
      onNewest();
      return;
    }
    list.scrollToEnd();
    log.current?.focus({ preventScroll: true });
  };
  return (
    <div className={styles.around}>
      {/* Scrolled by keyboard, too, and so reached by it. What comes while one reads older ones is not read out. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div ref={log} className={styles.log} role="log" aria-live={away ? "off" : "polite"} aria-busy={busy} aria-label={say("messages")} tabIndex={0}>
        <div className={styles.rows} style={{ height: list.getTotalSize() }}>
          {items.map(({ index, key, start }) => (
            <div
              key={key}
              ref={list.measureElement}
              data-index={index}
              className={styles.row}
              style={{ transform: `translateY(${String(start)}px)` }}
            >
              {rows[index] && <Shown row={rows[index]} show={show} />}
            </div>
          ))}
        </div>
      </div>
      {away && (
        <Button size="small" className={styles.toEnd} icon={<ArrowDownRegular />} onClick={toEnd}>
          {unseen > 0 ? say("newestOf", { count: String(unseen) }) : say("newest")}
        </Button>
      )}
    </div>
  );
}

interface OneProps {
  message: Message;
  mine: boolean;
  found: boolean;
  author: string;
  reach: "sent" | "delivered" | "read" | undefined;
  onEdit: () => void;
  onDelete: () => void;
  onFailed: (error: unknown) => void;
}

function One({ message, mine, found, author, reach, onEdit, onDelete, onFailed }: OneProps) {
  const styles = useStyles();
  const { text, state, file } = message;
  return (
    <div className={mergeClasses(styles.message, mine && styles.own, found && styles.found)}>
      {author && !mine && (
        <Text size={200} weight="semibold" block>
          <bdi>{author}</bdi>
        </Text>
      )}
      {state === "deleted" ? (
        <Text italic>{say("messageDeleted")}</Text>
      ) : (
        <Text className={styles.text} dir="auto">
          {pieces(text).map((piece, index) =>
            piece.href === undefined ? (
              piece.text
            ) : (
              <Link key={index} inline href={piece.href} target="_blank" rel="noopener noreferrer nofollow">
                {piece.text}
              </Link>
            ),
          )}
        </Text>
      )}
      {file && (
        <Button size="small" icon={<AttachRegular />} onClick={() => { save(message.id, file.name).catch(onFailed); }}>
          <bdi>{say("saveFile", { name: file.name, size: sizeText(file.size, language) })}</bdi>
        </Button>
      )}
      <div className={styles.meta}>
        <Text size={200}>{moment.format(message.at * 1000)}</Text>
        {state === "edited" && <Text size={200}>{say("messageEdited")}</Text>}
        {reach && state !== "deleted" && <Text size={200}>{say(`reach.${reach}`)}</Text>}
        {mine && state !== "deleted" && (
          <Menu>
            <MenuTrigger disableButtonEnhancement>
              <Button size="small" appearance="subtle" icon={<MoreHorizontalRegular />} aria-label={say("messageMenu")} />
            </MenuTrigger>
            <MenuPopover>
              <MenuList>
                <MenuItem onClick={onEdit}>{say("edit")}</MenuItem>
                <MenuItem onClick={onDelete}>{say("delete")}</MenuItem>
              </MenuList>
            </MenuPopover>
          </Menu>
        )}
      </div>
    </div>
  );
}

/** A message that has no answer yet, or was refused. */
function NotSent({ waiting, outbox }: { waiting: Waiting; outbox: Outbox }) {
  const styles = useStyles();
  return (
    <div className={mergeClasses(styles.message, styles.own)}>
      <Text className={styles.text} dir="auto">{waiting.text || waiting.file?.name}</Text>
      {waiting.refused === undefined ? (
        <Text size={200}>{say("sending")}</Text>
      ) : (
        <>
          <Text size={200} block>{say("notSent", { reason: waiting.refused })}</Text>
          <div className={styles.meta}>
            <Button size="small" onClick={() => { outbox.again(waiting.id); }}>{say("again")}</Button>
            <Button size="small" onClick={() => { outbox.discard(waiting.id); }}>{say("discard")}</Button>
          </div>
        </>
      )}
    </div>
  );
}

interface GroupMenuProps {
  count: number;
  onAdd: () => void;
  onShow: () => void;
  onLeave: () => void;
}

function GroupMenu({ count, onAdd, onShow, onLeave }: GroupMenuProps) {
  return (
    <Menu>
      <MenuTrigger disableButtonEnhancement>
        <Button size="small">{say("groupOf", { count: String(count) })}</Button>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItem onClick={onShow}>{say("groupMembers")}</MenuItem>
          <MenuItem onClick={onAdd}>{say("addPeople")}</MenuItem>
          <MenuItem onClick={onLeave}>{say("leaveGroup")}</MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}

interface ComposerProps {
  editing: Message | undefined;
  onSend: (text: string, file?: { id: string; name: string }) => void;
  onTyping: () => void;
  onCancel: () => void;
  onFailed: (error: unknown) => void;
}

function Composer({ editing, onSend, onTyping, onCancel, onFailed }: ComposerProps) {
  const styles = useStyles();
  const [text, setText] = useState(editing?.text ?? "");
  const [bringing, setBringing] = useState(false);
  const told = useRef(-TYPING_TOLD_MS);
  const picker = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const [emojisAt, setEmojisAt] = useState<HTMLElement>();
  const closeEmojis = () => { setEmojisAt(undefined); };
  const insert = (emoji: string) => {
    closeEmojis();
    const area = field.current;
    if (!area) return;
    const [now, caret] = inserted(text, area.selectionStart, area.selectionEnd, emoji);
    // Before the caret can stand behind it, it has to be there.
    flushSync(() => { setText(now); });
    area.focus();
    area.setSelectionRange(caret, caret);
  };
  const over = bytesOf(text) - MOST_TEXT;
  const send = () => {
    if (text.trim() === "" || over > 0) return;
    onSend(text);
    setText("");
    told.current = -TYPING_TOLD_MS;
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape" && editing) {
      onCancel();
    }
  };
  const attach = (files: FileList | null) => {
    const file = files?.[0];
    if (!file) return;
    setBringing(true);
    bring(file)
      .then((brought) => { onSend("", brought); }, onFailed)
      .finally(() => { setBringing(false); });
  };
  return (
    <div className={styles.composer}>
      <Field
        className={styles.field}
        label={editing ? say("editMessage") : say("message")}
        {...(over > 0 && { validationMessage: say("tooLong", { count: String(over) }) })}
      >
        <Textarea
          dir="auto"
          textarea={{ ...WORDS_LINES.textarea, ref: field }}
          value={text}
          resize="vertical"
          onKeyDown={keys}
          onChange={(_, { value }) => {
            setText(value);
            if (!editing && performance.now() - told.current > TYPING_TOLD_MS) {
              told.current = performance.now();
              onTyping();
            }
          }}
        />
      </Field>
      <Button
        icon={<EmojiRegular />}
        aria-label={say("emoji")}
        aria-haspopup="dialog"
        aria-expanded={emojisAt !== undefined}
        onClick={({ currentTarget }) => { setEmojisAt(emojisAt ? undefined : currentTarget); }}
      />
      {emojisAt && (
        <Suspense>
          <EmojiPicker target={emojisAt} onPick={insert} onClose={() => { closeEmojis(); emojisAt.focus(); }} />
        </Suspense>
      )}
      {editing ? (
        <Button onClick={onCancel}>{say("cancel")}</Button>
      ) : (
        <>
          <input
            ref={picker}
            type="file"
            className={styles.hidden}
            aria-label={say("attach")}
            onChange={({ target }) => { attach(target.files); target.value = ""; }}
          />
          <Button icon={<AttachRegular />} aria-label={say("attach")} disabled={bringing} onClick={() => { picker.current?.click(); }} />
        </>
      )}
      <Button appearance="primary" icon={<SendRegular />} disabled={text.trim() === "" || over > 0} onClick={send}>
        {say("send")}
      </Button>
    </div>
  );
}
