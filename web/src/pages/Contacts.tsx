import { Subtitle2, Text } from "@fluentui/react-components";
import { say } from "../messages";
import { useKept } from "../presence/kept";
import { Contact } from "./Contact";
import { useListStyles } from "./Search";

interface Props {
  own: string;
  ready: boolean;
  onCall: (uri: string) => void;
}

/** The people one keeps in view. */
export function Contacts({ own, ready, onCall }: Props) {
  const styles = useListStyles();
  const { people, keep } = useKept(own);
  return (
    <section aria-labelledby="contacts">
      <Subtitle2 as="h2" id="contacts">
        {say("contacts")}
      </Subtitle2>
      {people.length === 0 && <Text block>{say("noContacts")}</Text>}
      <ul className={styles.list}>
        {people.map((each) => (
          <Contact
            key={each.aor}
            someone={each}
            ready={ready}
            kept
            onKeep={(kept) => { keep(each, kept); }}
            onCall={onCall}
          />
        ))}
      </ul>
    </section>
  );
}
