import { Button, makeStyles, MessageBar, MessageBarActions, MessageBarBody, tokens } from "@fluentui/react-components";
import { DismissRegular } from "@fluentui/react-icons/svg/dismiss";
import { useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useEffect, useRef, useState, type ReactNode } from "react";
import { t } from "../../messages/console";
import { useAct } from "./Proving";
import type { Undo } from "./undo";

const SHOWN_MS = 6_000;
const UNDO_MS = 20_000; // long enough to read it and to get there by keyboard

interface Notice {
  id: number;
  text: string;
  intent: "success" | "error";
  undo?: Undo;
}

const SayContext = createContext<(notice: Omit<Notice, "id">) => void>(() => undefined);

const useStyles = makeStyles({
  notices: {
    position: "fixed",
    insetInlineEnd: tokens.spacingHorizontalL,
    bottom: tokens.spacingVerticalL,
    zIndex: 1000,
    display: "flex",
    flexDirection: "column",
    gap: tokens.spacingVerticalS,
    width: "min(24rem, calc(100vw - 2rem))",
  },
  notice: { boxShadow: tokens.shadow16 },
});

/**
 * Where it is said that something is done, at the edge of the page.
 *
 * Fluent's own toasts keep the keyboard once it is in them, until Escape (a focusable group with `limited-trap-focus`,
 * which no option changes). These take part in the order of Tab as all else does, and never take the focus.
 */
export function Notices({ children }: { children: ReactNode }) {
  const styles = useStyles();
  const [notices, setNotices] = useState<Notice[]>([]);
  const last = useRef(0);
  const say = useCallback((notice: Omit<Notice, "id">) => {
    last.current++;
    const told = { ...notice, id: last.current };
    // The last alone, and beside it what can be taken back: of two such nobody would know which is which.
    setNotices((before) => [...before.filter((each) => each.undo !== undefined && notice.undo === undefined), told]);
  }, []);
  const remove = useCallback((id: number) => { setNotices((before) => before.filter((each) => each.id !== id)); }, []);
  return (
    <SayContext value={say}>
      {children}
      <aside className={styles.notices} aria-label={t("told")} aria-live="polite" aria-relevant="additions text">
        {notices.map((notice) => <Bar key={notice.id} notice={notice} remove={remove} say={say} />)}
      </aside>
    </SayContext>
  );
}

interface BarProps {
  notice: Notice;
  remove: (id: number) => void;
  say: (notice: Omit<Notice, "id">) => void;
}

function Bar({ notice, remove, say }: BarProps) {
  const styles = useStyles();
  const act = useAct();
  const queries = useQueryClient();
  const { id, text, intent, undo } = notice;
  const [pointed, setPointed] = useState(false);
  const [focused, setFocused] = useState(false);
  const came = useRef<HTMLElement | null>(null); // from where the keyboard came
  const go = useCallback(() => {
    if (came.current?.isConnected === true) came.current.focus();
    remove(id);
  }, [id, remove]);
  useEffect(() => {
    if (pointed || focused) return;
    const timer = setTimeout(() => { remove(id); }, undo === undefined ? SHOWN_MS : UNDO_MS);
    return () => { clearTimeout(timer); };
  }, [pointed, focused, id, remove, undo]);
  const takeBack = async () => {
    go();
    try {
      await act(undo ?? (async () => Promise.resolve()));
      say({ text: t("undone"), intent: "success" });
    } catch (error) {
      say({ text: error instanceof Error ? error.message : String(error), intent: "error" });
      void queries.invalidateQueries(); // what is to be looked at now is not what the page shows
    }
  };
  return (
    <MessageBar
      className={styles.notice}
      intent={intent}
      layout="multiline"
      onMouseEnter={() => { setPointed(true); }}
      onMouseLeave={() => { setPointed(false); }}
      onFocus={({ relatedTarget, currentTarget }) => {
        if (!currentTarget.contains(relatedTarget)) came.current = relatedTarget instanceof HTMLElement ? relatedTarget : null;
        setFocused(true);
      }}
      onBlur={({ relatedTarget, currentTarget }) => { setFocused(currentTarget.contains(relatedTarget)); }}
      onKeyDown={({ key }) => { if (key === "Escape") go(); }}
    >
      <MessageBarBody>{text}</MessageBarBody>
      <MessageBarActions containerAction={<Button appearance="transparent" size="small" icon={<DismissRegular />} aria-label={t("dismiss")} onClick={go} />}>
        {undo && <Button size="small" onClick={() => void takeBack()}>{t("undo")}</Button>}
      </MessageBarActions>
    </MessageBar>
  );
}

/**
 * Says that something is done; it goes away by itself. `undo` takes it back, as long as nobody changed it since
 * (see undo.ts).
 */
export function useDone(): (text: string, undo?: Undo) => void {
  const say = useContext(SayContext);
  return useCallback((text: string, undo?: Undo) => { say({ text, intent: "success", ...(undo === undefined ? {} : { undo }) }); }, [say]);
}
