import {
  Button, Field, Input, makeStyles, Popover, PopoverSurface, PopoverTrigger, ToggleButton, tokens,
} from "@fluentui/react-components";
import { lazy, Suspense, useState, type SyntheticEvent } from "react";
import { addressOf } from "../calls/address";
import { say } from "../messages";
import { nameOf, type CallProps } from "./Calls";
import { LTR } from "../messages/writing";

// Measures what it shows, from the first moment of a call that is up on.
const Quality = lazy(() => import("./Quality"));

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

const useStyles = makeStyles({
  keys: { display: "grid", gridTemplateColumns: "repeat(3, 1fr)", gap: tokens.spacingHorizontalXS },
  transfer: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
});

/** What one can do in a call that is up. */
export default function Talking({ call, calls, phone, domain }: CallProps) {
  const styles = useStyles();
  const [transferring, setTransferring] = useState(false);
  const others = calls.filter((other) => other.id !== call.id && other.stage === "talking");
  const over = (deed: () => void) => {
    setTransferring(false);
    deed();
  };
  return (
    <>
      <ToggleButton checked={call.muted} onClick={() => { phone.mute(call.id, !call.muted); }}>
        {say("mute")}
      </ToggleButton>
      <ToggleButton checked={call.held} onClick={() => { phone.hold(call.id, !call.held); }}>
        {say("hold")}
      </ToggleButton>
      <Suspense>
        <Quality id={call.id} phone={phone} />
      </Suspense>
      <Popover trapFocus>
        <PopoverTrigger disableButtonEnhancement>
          <Button>{say("keypad")}</Button>
        </PopoverTrigger>
        <PopoverSurface aria-label={say("keypad")}>
          <div className={styles.keys}>
            {KEYS.map((key) => (
              <Button key={key} aria-label={say("key", { key })} onClick={() => { phone.tone(call.id, key); }}>
                {key}
              </Button>
            ))}
          </div>
        </PopoverSurface>
      </Popover>
      <Popover trapFocus open={transferring} onOpenChange={(_, data) => { setTransferring(data.open); }}>
        <PopoverTrigger disableButtonEnhancement>
          <Button>{say("transfer")}</Button>
        </PopoverTrigger>
        <PopoverSurface aria-label={say("transfer")}>
          <div className={styles.transfer}>
            {others.map((other) => (
              <Button key={other.id} onClick={() => { over(() => { phone.connect(call.id, other.id); }); }}>
                {say("connectWith", { name: nameOf(other, domain) })}
              </Button>
            ))}
            <Transfer domain={domain} onTransfer={(uri) => { over(() => { phone.transfer(call.id, uri); }); }} />
          </div>
        </PopoverSurface>
      </Popover>
    </>
  );
}

function Transfer({ domain, onTransfer }: { domain: string; onTransfer: (uri: string) => void }) {
  const [typed, setTyped] = useState("");
  const address = addressOf(typed, domain);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (address !== undefined) onTransfer(address);
  };
  return (
    <form onSubmit={submit}>
      <Field label={say("transferTo")}>
        <Input {...LTR} value={typed} onChange={(_, { value }) => { setTyped(value); }} />
      </Field>
      <Button type="submit" appearance="primary" disabled={address === undefined}>
        {say("transfer")}
      </Button>
    </form>
  );
}
