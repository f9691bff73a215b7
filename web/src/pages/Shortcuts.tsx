import { makeStyles, tokens } from "@fluentui/react-components";
import { SHORTCUTS, type Shortcut } from "../calls/shortcuts";
import { say } from "../messages";
import { Panel } from "./Panel";

const useStyles = makeStyles({
  list: { display: "grid", gridTemplateColumns: "max-content 1fr", gap: tokens.spacingHorizontalM, margin: 0 },
  what: { margin: 0 },
});

/** What keys do. */
export function Shortcuts({ onClose }: { onClose: () => void }) {
  const styles = useStyles();
  return (
    <Panel title={say("shortcuts")} onClose={onClose}>
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
    </Panel>
  );
}
