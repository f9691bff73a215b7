import { Button, Card, makeStyles, Subtitle2, Text, tokens } from "@fluentui/react-components";
import { CallRegular } from "@fluentui/react-icons/svg/call";
import { CallEndRegular } from "@fluentui/react-icons/svg/call-end";
import { lazy, Suspense } from "react";
import { shownAddress } from "../calls/address";
import { isUp, type Call } from "../calls/model";
import type { Phone } from "../calls/phone";
import { say } from "../messages";

// What one can do in a call that is up; loaded before there is one.
const talking = import("./Talking");
const Talking = lazy(() => talking);
const Video = lazy(() => import("./Video"));

const useStyles = makeStyles({
  buttons: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS },
  // Where one looks for it in haste. White on it is read in the light and in the dark theme.
  end: {
    backgroundColor: tokens.colorStatusDangerBackground3,
    color: tokens.colorNeutralForegroundStaticInverted,
    ":hover": {
      backgroundColor: tokens.colorStatusDangerBackground3Hover,
      color: tokens.colorNeutralForegroundStaticInverted,
    },
    ":hover:active": {
      backgroundColor: tokens.colorStatusDangerBackground3Pressed,
      color: tokens.colorNeutralForegroundStaticInverted,
    },
  },
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

export interface CallProps {
  call: Call;
  calls: readonly Call[];
  phone: Phone;
  domain: string;
}

export const nameOf = (call: Call, domain: string) => call.name || shownAddress(call.uri, domain);

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
            <Button className={styles.end} icon={<CallEndRegular />} onClick={() => { phone.decline(call.id); }}>
              {say("decline")}
            </Button>
          </>
        )}
        {call.stage === "talking" && (
          <Suspense>
            <Talking call={call} calls={calls} phone={phone} domain={domain} />
          </Suspense>
        )}
        {(call.stage === "talking" || call.stage === "calling" || call.stage === "ringing") && (
          <Button className={styles.end} icon={<CallEndRegular />} onClick={() => { phone.hangUp(call.id); }}>
            {say("hangUp")}
          </Button>
        )}
      </div>
    </Card>
  );
}
