import { Button, Subtitle2, Text } from "@fluentui/react-components";
import { EditRegular } from "@fluentui/react-icons/svg/edit";
import { lazy, Suspense, useState } from "react";
import { say } from "../messages";
import { groupsOf } from "../presence/groups";
import { someoneOf, useKept, type Entry } from "../presence/kept";
import { Contact } from "./Contact";
import { useListStyles } from "./Search";

const AddDialog = lazy(async () => ({ default: (await import("./ContactDialogs")).AddDialog }));
const EditDialog = lazy(async () => ({ default: (await import("./ContactDialogs")).EditDialog }));
const ImportDialog = lazy(async () => ({ default: (await import("./ContactDialogs")).ImportDialog }));

interface Props {
  own: string;
  ready: boolean;
  onCall: (uri: string) => void;
}

/** Whom one keeps in view, by groups. */
export function Contacts({ own, ready, onCall }: Props) {
  const styles = useListStyles();
  const { entries, keep, put, remove } = useKept(own);
  const [editing, setEditing] = useState<Entry>();
  return (
    <section aria-labelledby="contacts">
      <Subtitle2 as="h2" id="contacts">
        {say("contacts")}
      </Subtitle2>
      {entries.length === 0 && <Text block>{say("noContacts")}</Text>}
      {groupsOf(entries).map(({ name, members }) => (
        <div key={name}>
          {name !== "" && <Text as="h3" weight="semibold" block>{name}</Text>}
          <ul className={styles.list} {...(name === "" ? {} : { "aria-label": name })}>
            {members.map((entry) => {
              const someone = someoneOf(entry, own);
              return (
                <Contact
                  key={entry.address}
                  someone={someone}
                  ready={ready}
                  kept
                  onKeep={(kept) => { keep(someone, kept); }}
                  onCall={onCall}
                  more={
                    <Button
                      appearance="subtle"
                      icon={<EditRegular />}
                      aria-label={say("editContact", { name: entry.name || entry.address })}
                      onClick={() => { setEditing(entry); }}
                    />
                  }
                />
              );
            })}
          </ul>
        </div>
      ))}
      <Suspense>
        {editing && <EditDialog entry={editing} onPut={put} onRemove={remove} onClose={() => { setEditing(undefined); }} />}
        <div className={styles.buttons}>
          <AddDialog onPut={put} onRemove={remove} />
          <ImportDialog known={entries} domain={own.slice(own.indexOf("@") + 1)} onPut={put} />
        </div>
      </Suspense>
    </section>
  );
}
