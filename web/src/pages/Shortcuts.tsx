import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, makeStyles, tokens,
} from "@fluentui/react-components";
import { useEffect, useState } from "react";
import type { Call } from "../calls/model";
import type { Phone } from "../calls/phone";
import { callFor, SHORTCUTS, shortcutOf, type Shortcut } from "../calls/shortcuts";
import { say } from "../messages";

const useStyles = makeStyles({
  list: { display: "grid", gridTemplateColumns: "max-content 1fr", gap: tokens.spacingHorizontalM, margin: 0 },
  what: { margin: 0 },
});

interface Props {
  calls: readonly Call[];
  phone: Phone | undefined;
}

/** What keys do, wherever in the page one is; and the list of them. */
export function Shortcuts({ calls, phone }: Props) {
  const styles = useStyles();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const shortcut = shortcutOf(event);
      if (shortcut === undefined) return;
      event.preventDefault();
      if (shortcut === "help") setOpen(true);
      else if (shortcut === "search") document.querySelector<HTMLInputElement>("form[role=search] input")?.focus();
      else if (phone) act(phone, shortcut, callFor(shortcut, calls));
    };
    window.addEventListener("keydown", pressed);
    return () => { window.removeEventListener("keydown", pressed); };
  }, [calls, phone]);
  return (
    <Dialog open={open} onOpenChange={(_, data) => { setOpen(data.open); }}>
      <DialogTrigger disableButtonEnhancement>
        <Button>{say("shortcuts")}</Button>
      </DialogTrigger>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{say("shortcuts")}</DialogTitle>
          <DialogContent>
            <dl className={styles.list}>
              {(Object.keys(SHORTCUTS) as Shortcut[]).map((each) => [
                <dt key={`${each}-key`}>
                  <kbd>{`Alt+${SHORTCUTS[each]}`}</kbd>
                </dt>,
                <dd key={each} className={styles.what}>
                  {say(`shortcut.${each}`)}
                </dd>,
              ])}
            </dl>
          </DialogContent>
          <DialogActions>
            <DialogTrigger disableButtonEnhancement>
              <Button appearance="primary">{say("close")}</Button>
            </DialogTrigger>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}

function act(phone: Phone, shortcut: Shortcut, call: Call | undefined): void {
  if (!call) return;
  if (shortcut === "answer") phone.answer(call.id);
  else if (shortcut === "mute") phone.mute(call.id, !call.muted);
  else if (shortcut === "hold") phone.hold(call.id, !call.held);
  else if (call.stage === "incoming") phone.decline(call.id);
  else phone.hangUp(call.id);
}
