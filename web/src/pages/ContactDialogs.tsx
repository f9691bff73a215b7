import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, Field, Input,
  makeStyles, MessageBar, MessageBarBody, Text, tokens,
} from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useRef, useState, type ChangeEvent, type SyntheticEvent } from "react";
import { put as text } from "../messages/contacts";
import type { Entry } from "../presence/kept";
import type { Fault, Found } from "../presence/importing";

const MOST_MB = 5;
const SHOWN = 20; // faults

const useStyles = makeStyles({
  fields: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  faults: { margin: 0, paddingInlineStart: tokens.spacingHorizontalXL, maxHeight: "12rem", overflowY: "auto" },
});

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

interface ContactProps {
  onPut: (contacts: readonly Entry[]) => Promise<void>;
  onRemove: (address: string) => Promise<void>;
}

/** Add a contact. */
export function AddDialog(props: ContactProps) {
  const [open, setOpen] = useState(false);
  const close = () => { setOpen(false); };
  return (
    <Dialog open={open} onOpenChange={(_, data) => { setOpen(data.open); }}>
      <DialogTrigger disableButtonEnhancement>
        <Button>{text("add")}</Button>
      </DialogTrigger>
      <DialogSurface>
        {open && <ContactForm title={text("add")} entry={undefined} {...props} onDone={close} />}
      </DialogSurface>
    </Dialog>
  );
}

/** Change one; closed by whoever opened it. */
export function EditDialog({ entry, onClose, ...props }: ContactProps & { entry: Entry; onClose: () => void }) {
  return (
    <Dialog open onOpenChange={(_, data) => { if (!data.open) onClose(); }}>
      <DialogSurface>
        <ContactForm title={text("edit", { name: entry.name || entry.address })} entry={entry} {...props} onDone={onClose} />
      </DialogSurface>
    </Dialog>
  );
}

interface FormProps extends ContactProps {
  title: string;
  entry: Entry | undefined;
  onDone: () => void;
}

function ContactForm({ title, entry, onPut, onRemove, onDone }: FormProps) {
  const styles = useStyles();
  const [address, setAddress] = useState(entry?.address ?? "");
  const [name, setName] = useState(entry?.name ?? "");
  const [groups, setGroups] = useState(entry?.groups.join(", ") ?? "");
  const doing = useMutation({ mutationFn: (work: () => Promise<void>) => work(), onSuccess: onDone, networkMode: "always" });
  const save = (event: SyntheticEvent) => {
    event.preventDefault();
    const names = groups.split(",").map((each) => each.trim()).filter((each) => each !== "");
    doing.mutate(() => onPut([{ address: address.trim(), name: name.trim(), number: entry?.number ?? "", groups: names }]));
  };
  return (
    <form onSubmit={save}>
      <DialogBody>
        <DialogTitle>{title}</DialogTitle>
        <DialogContent className={styles.fields}>
          <Field label={text("address")} hint={text("addressHint")} required>
            <Input value={address} readOnly={entry !== undefined} maxLength={254} onChange={(_, { value }) => { setAddress(value); }} />
          </Field>
          <Field label={text("name")}>
            <Input value={name} maxLength={100} onChange={(_, { value }) => { setName(value); }} />
          </Field>
          <Field label={text("groups")} hint={text("groupsHint")}>
            <Input value={groups} maxLength={1100} onChange={(_, { value }) => { setGroups(value); }} />
          </Field>
          {doing.error && <MessageBar intent="error" layout="multiline"><MessageBarBody>{reasonOf(doing.error)}</MessageBarBody></MessageBar>}
        </DialogContent>
        <DialogActions>
          <Button type="submit" appearance="primary" disabled={doing.isPending || address.trim() === ""}>{text("save")}</Button>
          {entry && <Button disabled={doing.isPending} onClick={() => { doing.mutate(() => onRemove(entry.address)); }}>{text("remove")}</Button>}
          <DialogTrigger disableButtonEnhancement>
            <Button>{text("cancel")}</Button>
          </DialogTrigger>
        </DialogActions>
      </DialogBody>
    </form>
  );
}

interface ImportProps {
  known: readonly Entry[];
  /** One's own. */
  domain: string;
  onPut: (contacts: readonly Entry[]) => Promise<void>;
}

/** Contacts out of a file; nothing is added before its owner has seen what was found. */
export function ImportDialog({ known, domain, onPut }: ImportProps) {
  const [open, setOpen] = useState(false);
  return (
    <Dialog open={open} onOpenChange={(_, data) => { setOpen(data.open); }}>
      <DialogTrigger disableButtonEnhancement>
        <Button>{text("import")}</Button>
      </DialogTrigger>
      <DialogSurface>
        {open && <Importing known={known} domain={domain} onPut={onPut} onDone={() => { setOpen(false); }} />}
      </DialogSurface>
    </Dialog>
  );
}

function Importing({ known, domain, onPut, onDone }: ImportProps & { onDone: () => void }) {
  const styles = useStyles();
  const [found, setFound] = useState<Found>();
  const [fault, setFault] = useState("");
  const adding = useMutation({ mutationFn: () => onPut(found?.entries ?? []), onSuccess: onDone, networkMode: "always" });
  const newest = useRef<File>(undefined);
  const read = async ({ target }: ChangeEvent<HTMLInputElement>) => {
    const file = target.files?.[0];
    newest.current = file;
    setFound(undefined);
    setFault("");
    if (!adding.isPending) adding.reset();
    if (file === undefined) return;
    if (file.size > MOST_MB * 2 ** 20) {
      setFault(text("tooLarge", { most: String(MOST_MB) }));
      return;
    }
    const { contactsIn } = await import("../presence/importing");
    const content = await file.text();
    if (newest.current === file) setFound(contactsIn(content, domain));
  };
  const wrong = adding.error === null ? fault : reasonOf(adding.error);
  const here = new Set(known.map(({ address }) => address));
  const count = found?.entries.length ?? 0;
  return (
    <DialogBody>
      <DialogTitle>{text("import")}</DialogTitle>
      <DialogContent className={styles.fields}>
        <Text>{text("importIs")}</Text>
        <Field label={text("file")}>
          {(props) => (
            <input {...props} type="file" accept=".csv,.vcf,.txt,text/csv,text/vcard" onChange={(event) => void read(event)} />
          )}
        </Field>
        {found && (
          <Text role="status">
            {count === 0
              ? text("nothing")
              : text("found", {
                  count: String(count),
                  known: String(found.entries.filter(({ address }) => here.has(address)).length),
                })}
          </Text>
        )}
        {found && found.faults.length > 0 && <Faults faults={found.faults} />}
        {wrong !== "" && <MessageBar intent="error" layout="multiline"><MessageBarBody>{wrong}</MessageBarBody></MessageBar>}
      </DialogContent>
      <DialogActions>
        <Button appearance="primary" disabled={adding.isPending || count === 0} onClick={() => { adding.mutate(); }}>{text("addThem", { count: String(count) })}</Button>
        <DialogTrigger disableButtonEnhancement>
          <Button>{text("cancel")}</Button>
        </DialogTrigger>
      </DialogActions>
    </DialogBody>
  );
}

function Faults({ faults }: { faults: readonly Fault[] }) {
  const styles = useStyles();
  return (
    <div>
      <Text>{text("faults", { count: String(faults.length) })}</Text>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached by the keyboard */}
      <ul className={styles.faults} tabIndex={0}>
        {faults.slice(0, SHOWN).map(({ at, name, why }) => (
          <li key={at}>{`${text("fault", { at: String(at), name })}: ${text(`why.${why}`)}`}</li>
        ))}
        {faults.length > SHOWN && <li>{text("more", { count: String(faults.length - SHOWN) })}</li>}
      </ul>
    </div>
  );
}
