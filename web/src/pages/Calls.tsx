import {
  Button, Card, Field, Input, makeStyles, Popover, PopoverSurface, PopoverTrigger, Subtitle2, Text, ToggleButton, tokens,
} from "@fluentui/react-components";
import { CallRegular } from "@fluentui/react-icons/svg/call";
import { CallEndRegular } from "@fluentui/react-icons/svg/call-end";
import { lazy, Suspense, useState, type SyntheticEvent } from "react";
import { addressOf, shownAddress } from "../calls/address";
import { isUp, type Call } from "../calls/model";
import type { Phone } from "../calls/phone";
import { say } from "../messages";

// Measures what it shows, from the first moment of a call that is up on.
const Quality = lazy(() => import("./Quality"));
const Video = lazy(() => import("./Video"));

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"];

const useStyles = makeStyles({
  buttons: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  keys: { display: "grid", gridTemplateColumns: "repeat(3, 1fr)", gap: tokens.spacingHorizontalXS },
  transfer: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
  card: { marginTop: tokens.spacingVerticalS, marginBottom: tokens.spacingVerticalS },
});

interface Props {
  calls: readonly Call[];
  phone: Phone | undefined;
  domain: string;
}

export function Calls({ calls, phone, domain }: Props) {
  return (
    <section aria-labelledby="calls">
      <Subtitle2 as="h2" id="calls">
        {say("calls")}
      </Subtitle2>
      <div aria-live="polite">
        {calls.length === 0 && <Text block>{say("noCalls")}</Text>}
        {phone && calls.map((call) => <OneCall key={call.id} call={call} calls={calls} phone={phone} domain={domain} />)}
      </div>
    </section>
  );
}

interface CallProps {
  call: Call;
  calls: readonly Call[];
  phone: Phone;
  domain: string;
}

const nameOf = (call: Call, domain: string) => call.name || shownAddress(call.uri, domain);

function OneCall({ call, calls, phone, domain }: CallProps) {
  const styles = useStyles();
  const name = nameOf(call, domain);
  const state = call.why ? say(`why.${call.why}`) : call.held ? say("onHold") : say(`stage.${call.stage}`);
  return (
    <Card role="group" aria-label={say("callWith", { name })} className={styles.card}>
      <Text weight="semibold">{name}</Text>
      <Text>{state}</Text>
      {call.transfer && isUp(call) && <Text>{say(`transfer.${call.transfer}`)}</Text>}
      {call.stage === "talking" && (
        <Suspense>
          <Video call={call} name={name} phone={phone} />
        </Suspense>
      )}
      <div className={styles.buttons}>
        {call.stage === "incoming" && (
          <>
            <Button appearance="primary" icon={<CallRegular />} onClick={() => { phone.answer(call.id); }}>
              {say("answer")}
            </Button>
            {call.shows && <Button onClick={() => { phone.answer(call.id, true); }}>{say("answerWithVideo")}</Button>}
            <Button icon={<CallEndRegular />} onClick={() => { phone.decline(call.id); }}>
              {say("decline")}
            </Button>
          </>
        )}
        {call.stage === "talking" && <Talking call={call} calls={calls} phone={phone} domain={domain} />}
        {(call.stage === "talking" || call.stage === "calling" || call.stage === "ringing") && (
          <Button icon={<CallEndRegular />} onClick={() => { phone.hangUp(call.id); }}>
            {say("hangUp")}
          </Button>
        )}
      </div>
    </Card>
  );
}

function Talking({ call, calls, phone, domain }: CallProps) {
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
        <Input value={typed} onChange={(_, { value }) => { setTyped(value); }} />
      </Field>
      <Button type="submit" appearance="primary" disabled={address === undefined}>
        {say("transfer")}
      </Button>
    </form>
  );
}
