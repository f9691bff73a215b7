import {
  Button, Checkbox, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, Input, makeStyles,
} from "@fluentui/react-components";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { api, told } from "../api/client";
import { useFocusBack } from "../focus";
import { say } from "../messages";
import { Failed } from "./Chats";
import { WORDS } from "../messages/writing";

const SHOWN = 20;
const useStyles = makeStyles({ list: { display: "flex", flexDirection: "column", maxHeight: "16rem", overflowY: "auto" } });

interface Props {
  own: string;
  /** The group that people are added to; none: a new one. */
  title?: string;
  /** Addresses of those who are in it. */
  present?: readonly string[];
  onClose: () => void;
  onDone: (title: string, aors: string[]) => Promise<void>;
}

/** Chooses the people of a new group, or those to be added to one. */
export function GroupDialog({ own, title, present = [], onClose, onDone }: Props) {
  const styles = useStyles();
  useFocusBack();
  const [name, setName] = useState(title ?? "");
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState<ReadonlyMap<string, string>>(new Map());
  const [failed, setFailed] = useState("");
  const match = useDeferredValue(typed.trim());
  const found = useQuery({
    queryKey: ["contacts", match],
    placeholderData: keepPreviousData,
    queryFn: async () => told(await api.GET("/v1/contacts", { params: { query: { match: match || null, limit: SHOWN } } })),
  });
  const known = new Set([own, ...present]);
  const shown = new Map(chosen);
  for (const { aor, display_name: display } of found.data ?? []) if (!known.has(aor)) shown.set(aor, display || aor);
  const choose = (aor: string, label: string, wanted: boolean) => {
    const next = new Map(chosen);
    if (wanted) next.set(aor, label);
    else next.delete(aor);
    setChosen(next);
  };
  const done = () => {
    onDone(name, [...chosen.keys()]).then(onClose, (error: unknown) => { setFailed((error as Error).message); });
  };
  return (
    <Dialog open onOpenChange={(_, { open }) => { if (!open) onClose(); }}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title === undefined ? say("newGroup") : say("addPeople")}</DialogTitle>
          <DialogContent>
            {failed && <Failed reason={failed} />}
            {title === undefined && (
              <Field label={say("groupName")} required>
                <Input {...WORDS} value={name} maxLength={100} onChange={(_, { value }) => { setName(value); }} />
              </Field>
            )}
            <Field label={say("findPeople")}>
              <Input {...WORDS} type="search" autoComplete="off" value={typed} onChange={(_, { value }) => { setTyped(value); }} />
            </Field>
            <div className={styles.list} role="group" aria-label={say("people")}>
              {[...shown].map(([aor, label]) => (
                <Checkbox
                  key={aor}
                  label={<bdi>{label}</bdi>}
                  checked={chosen.has(aor)}
                  onChange={(_, { checked }) => { choose(aor, label, checked === true); }}
                />
              ))}
            </div>
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>{say("cancel")}</Button>
            <Button appearance="primary" disabled={chosen.size === 0 || name.trim() === ""} onClick={done}>
              {title === undefined ? say("begin") : say("add")}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
