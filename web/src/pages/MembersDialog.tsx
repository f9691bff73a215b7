import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, makeStyles, Text, tokens,
} from "@fluentui/react-components";
import { useState } from "react";
import type { ChatInfo } from "../chats/model";
import { useFocusBack } from "../focus";
import { say } from "../messages";
import { Failed } from "./Chats";

const useStyles = makeStyles({
  list: { listStyleType: "none", margin: 0, padding: 0, maxHeight: "20rem", overflowY: "auto" },
  row: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: tokens.spacingHorizontalS, paddingBlock: "4px" },
  name: { flexGrow: 1, minWidth: 0, overflowWrap: "anywhere" },
});

interface Props {
  own: string;
  info: ChatInfo;
  ask: (name: string, body: Record<string, unknown>) => Promise<unknown>;
  onClose: () => void;
}

/** Who is in a group. Its owner removes others, and hands it over. */
export function MembersDialog({ own, info: { members, owner }, ask, onClose }: Props) {
  const styles = useStyles();
  useFocusBack();
  const [failed, setFailed] = useState("");
  const mine = members.some(({ id, aor }) => id === owner && aor === own);
  const act = (name: string, person: string) => {
    setFailed("");
    ask(name, { person }).catch((error: unknown) => { setFailed((error as Error).message); });
  };
  return (
    <Dialog open onOpenChange={(_, { open }) => { if (!open) onClose(); }}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{say("groupOf", { count: String(members.length) })}</DialogTitle>
          <DialogContent>
            {failed && <Failed reason={failed} />}
            <ul className={styles.list} aria-label={say("people")}>
              {members.map(({ id, name, aor }) => (
                <li key={id} className={styles.row}>
                  <Text className={styles.name}>
                    <bdi>{name || aor}</bdi>
                    {id === owner && ` (${say("groupOwner")})`}
                  </Text>
                  {mine && aor !== own && (
                    <>
                      <Button size="small" aria-label={say("makeOwnerNamed", { name: name || aor })}
                        onClick={() => { act("chat.owner", id); }}>
                        {say("makeOwner")}
                      </Button>
                      <Button size="small" aria-label={say("removeNamed", { name: name || aor })}
                        onClick={() => { act("chat.remove", id); }}>
                        {say("removeMember")}
                      </Button>
                    </>
                  )}
                </li>
              ))}
            </ul>
          </DialogContent>
          <DialogActions>
            <Button onClick={onClose}>{say("close")}</Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
