import { Button, Field, Input, makeStyles, Subtitle2, Text, tokens } from "@fluentui/react-components";
import { CallRegular } from "@fluentui/react-icons/svg/call";
import { VideoRegular } from "@fluentui/react-icons/svg/video";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useDeferredValue, useState, type SyntheticEvent } from "react";
import { api, told } from "../api/client";
import { addressOf } from "../calls/address";
import { takeLink } from "../calls/links";
import { say } from "../messages";
import { useKept } from "../presence/kept";
import { Contact } from "./Contact";
import { WORDS } from "../messages/writing";

const SHOWN = 20;

export const useListStyles = makeStyles({
  list: { listStyleType: "none", margin: 0, padding: 0 },
  row: {
    display: "flex",
    alignItems: "center",
    gap: tokens.spacingHorizontalM,
    padding: `${tokens.spacingVerticalS} 0`,
    // Of a long list, what is out of sight costs nothing.
    contentVisibility: "auto",
    containIntrinsicSize: "auto 4rem",
  },
  text: { flexGrow: 1, minWidth: 0, display: "flex", flexDirection: "column", overflowWrap: "anywhere" },
  form: { display: "flex", gap: tokens.spacingHorizontalS, alignItems: "end" },
  field: { flexGrow: 1 },
  buttons: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalS, marginTop: tokens.spacingVerticalS },
});

interface Props {
  own: string;
  domain: string;
  ready: boolean;
  onCall: (uri: string, video: boolean) => void;
}

/** One field for whom to call: people are found by it, numbers and addresses are called as they stand. */
export function Search({ own, domain, ready, onCall }: Props) {
  const styles = useListStyles();
  const { people: kept, keep } = useKept(own);
  const [typed, setTyped] = useState(takeLink);
  const match = useDeferredValue(typed.trim());
  const found = useQuery({
    queryKey: ["contacts", match],
    placeholderData: keepPreviousData,
    queryFn: async () => told(await api.GET("/v1/contacts", { params: { query: { match: match || null, limit: SHOWN } } })),
  });
  const address = addressOf(typed, domain);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (address !== undefined && ready) onCall(address, false);
  };
  const people = (found.data ?? []).filter(({ aor }) => aor !== own);
  return (
    <section aria-labelledby="people">
      <Subtitle2 as="h2" id="people">
        {say("people")}
      </Subtitle2>
      <form className={styles.form} role="search" onSubmit={submit}>
        <Field label={say("search")} className={styles.field}>
          <Input {...WORDS} type="search" autoComplete="off" value={typed} onChange={(_, { value }) => { setTyped(value); }} />
        </Field>
        <Button type="submit" appearance="primary" icon={<CallRegular />} disabled={address === undefined || !ready}>
          {say("call")}
        </Button>
        <Button
          icon={<VideoRegular />}
          aria-label={say("callWithVideo")}
          title={say("callWithVideo")}
          disabled={address === undefined || !ready}
          onClick={() => { if (address !== undefined) onCall(address, true); }}
        />
      </form>
      {found.isSuccess && people.length === 0 && <Text>{say("nobody")}</Text>}
      <ul className={styles.list}>
        {people.map(({ aor, display_name: name, number }) => {
          const someone = { aor, name, number };
          return (
            <Contact
              key={aor}
              someone={someone}
              ready={ready}
              kept={kept.some((each) => each.aor === aor)}
              onKeep={(keeps) => { keep(someone, keeps); }}
              onCall={(uri) => { onCall(uri, false); }}
              onVideo={(uri) => { onCall(uri, true); }}
            />
          );
        })}
      </ul>
    </section>
  );
}
