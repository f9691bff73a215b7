import { Button, MessageBar, MessageBarBody, Subtitle2, Text } from "@fluentui/react-components";
import { CallRegular } from "@fluentui/react-icons/svg/call";
import { useQuery } from "@tanstack/react-query";
import { api, told } from "../api/client";
import { shownAddress } from "../calls/address";
import { pastCalls } from "../calls/past";
import { language, say } from "../messages";
import { useListStyles } from "./Search";

const ASKED = 60;
const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });

interface Props {
  own: string;
  domain: string;
  ready: boolean;
  onCall: (uri: string) => void;
}

export function History({ own, domain, ready, onCall }: Props) {
  const styles = useListStyles();
  const found = useQuery({
    queryKey: ["history"],
    // Records come some seconds after a call.
    refetchInterval: 15_000,
    queryFn: async () => told(await api.GET("/v1/calls/records", { params: { query: { limit: ASKED } } })),
  });
  const past = pastCalls(found.data ?? [], own);
  return (
    <section aria-labelledby="history">
      <Subtitle2 as="h2" id="history">
        {say("history")}
      </Subtitle2>
      {found.isError && (
        <MessageBar intent="warning">
          <MessageBarBody>{say("historyFailed", { reason: found.error.message })}</MessageBarBody>
        </MessageBar>
      )}
      {found.isSuccess && past.length === 0 && <Text block>{say("noHistory")}</Text>}
      <ul className={styles.list}>
        {past.map(({ id, other, kind, began }) => (
          <li key={id} className={styles.row}>
            <span className={styles.text}>
              <Text weight="semibold">{shownAddress(other, domain)}</Text>
              <Text size={200}>{`${say(kind)}, ${moment.format(began)}`}</Text>
            </span>
            <Button
              icon={<CallRegular />}
              aria-label={say("callPerson", { name: shownAddress(other, domain) })}
              disabled={!ready}
              onClick={() => { onCall(`sip:${other}`); }}
            />
          </li>
        ))}
      </ul>
    </section>
  );
}
