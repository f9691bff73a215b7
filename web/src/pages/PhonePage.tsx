import { Badge, Button, makeStyles, MessageBar, MessageBarBody, Spinner, Title3, Text, tokens } from "@fluentui/react-components";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useDeferredValue, useEffect, useState, useSyncExternalStore } from "react";
import { isSignedIn, leaveForSignIn, leaveForSignOut, signedInAs } from "../api/signin";
import { ownCredential } from "../calls/begin";
import { revoke } from "../calls/device";
import { EMPTY, type Line } from "../calls/model";
import type { Credential, Phone } from "../calls/phone";
import { LiveProvider } from "../live/provider";
import { PresenceProvider } from "../presence/provider";
import { say } from "../messages";
import { Calls } from "./Calls";
import { Contacts } from "./Contacts";
import { History } from "./History";
import { MyPresence } from "./MyPresence";
import { Search } from "./Search";
import { Settings } from "./Settings";

// What the first sight of the page does not need is loaded behind it.
const Notices = lazy(async () => ({ default: (await import("./Notices")).Notices }));
const NewVersion = lazy(async () => ({ default: (await import("./Notices")).NewVersion }));
// Not needed to call somebody, so not waited for.
const Chats = lazy(() => import("./Chats"));

const useStyles = makeStyles({
  page: { minHeight: "100vh", maxWidth: "90rem", margin: "0 auto", padding: tokens.spacingHorizontalL },
  head: {
    display: "flex",
    flexWrap: "wrap",
    alignItems: "center",
    gap: tokens.spacingHorizontalM,
    marginBottom: tokens.spacingVerticalXXL,
  },
  who: { flexGrow: 1 },
  // Whom one talks to beside whom one writes to; below one another where there is no room.
  columns: {
    display: "grid",
    alignItems: "start",
    columnGap: tokens.spacingHorizontalXXXL,
    rowGap: tokens.spacingVerticalXXL,
    gridTemplateColumns: "minmax(0, 1fr)",
    "@media (min-width: 64rem)": { gridTemplateColumns: "minmax(0, 26rem) minmax(0, 1fr)" },
  },
  column: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalXXL },
});

const COLOUR: Record<Line, "success" | "warning" | "danger"> = {
  registered: "success",
  connecting: "warning",
  unregistered: "warning",
  refused: "danger",
};

/** Signs in first, by leaving for the site's own page. */
export function PhonePage() {
  const signedIn = isSignedIn();
  useEffect(() => {
    if (!signedIn) void leaveForSignIn();
  }, [signedIn]);
  return signedIn ? <SignedIn /> : <Spinner label={say("loading")} />;
}

function SignedIn() {
  const own = signedInAs();
  // People are looked for and written to before there is a credential to call with: it isn't waited for.
  const credential = useQuery({
    queryKey: ["credential"],
    enabled: own !== null,
    staleTime: Infinity,
    retry: false,
    queryFn: ownCredential,
  });
  const reason = credential.error?.message;
  if (own !== null && reason === undefined) {
    return (
      <LiveProvider>
        <PresenceProvider>
          <Registered own={own} credential={credential.data} />
        </PresenceProvider>
      </LiveProvider>
    );
  }
  return (
    <main>
      <MessageBar intent="error" layout="multiline">
        <MessageBarBody>{reason === undefined ? say("notAPerson") : say("noDevice", { reason })}</MessageBarBody>
      </MessageBar>
      <Button onClick={leaveForSignOut}>{say("signOut")}</Button>
    </main>
  );
}

// Half of all that is loaded. It is fetched while the page is drawn and the device is made, and waited for by neither.
const loading = import("../calls/phone");

function usePhone(credential: Credential | undefined): Phone | undefined {
  const [phone, setPhone] = useState<Phone>();
  const queries = useQueryClient();
  useEffect(() => {
    if (credential === undefined) return;
    let made: Phone | undefined;
    let gone = false;
    void loading.then(({ Phone }) => {
      if (gone) return;
      made = new Phone(credential, location.host);
      made.onOver = () => void queries.invalidateQueries({ queryKey: ["history"] });
      made.start();
      setPhone(made);
    });
    return () => {
      gone = true;
      made?.stop();
    };
  }, [credential, queries]);
  return phone;
}

const NEVER = () => () => undefined;
const NOTHING = () => EMPTY;

function Registered({ own, credential }: { own: string; credential: Credential | undefined }) {
  const styles = useStyles();
  const phone = usePhone(credential);
  const { line, calls } = useSyncExternalStore(phone?.subscribe ?? NEVER, phone?.snapshot ?? NOTHING);
  const domain = own.split("@")[1] ?? "";
  // First what one calls by, then the rest.
  const rest = useDeferredValue(true, false);
  const signOut = () => {
    phone?.stop();
    void revoke().finally(leaveForSignOut);
  };
  return (
    <div className={styles.page}>
      <header className={styles.head}>
        <Title3 as="h1">{say("title")}</Title3>
        <Text className={styles.who}>{own}</Text>
        {rest && <MyPresence />}
        <Badge role="status" color={COLOUR[line]} appearance="tint" size="large">
          {say(`line.${line}`)}
        </Badge>
        {rest && (
          <Suspense>
            <Notices calls={calls} phone={phone} own={own} domain={domain} />
          </Suspense>
        )}
        {rest && <Settings calls={calls} phone={phone} line={line} onSignOut={signOut} />}
        {rest && (
          <Suspense>
            <NewVersion calls={calls} />
          </Suspense>
        )}
      </header>
      <main className={styles.columns}>
        <div className={styles.column}>
          <Calls calls={calls} phone={phone} domain={domain} />
          <Search
            own={own}
            domain={domain}
            onCall={(uri, video) => phone?.call(uri, video)}
            ready={line === "registered"}
          />
          {rest && <Contacts own={own} onCall={(uri) => phone?.call(uri)} ready={line === "registered"} />}
          {rest && <History own={own} domain={domain} onCall={(uri) => phone?.call(uri)} ready={line === "registered"} />}
        </div>
        {rest && (
          <Suspense fallback={<Spinner label={say("loading")} />}>
            <Chats own={own} />
          </Suspense>
        )}
      </main>
    </div>
  );
}
