import { Badge, makeStyles } from "@fluentui/react-components";
import { named } from "../../messages/console";

const GOOD = new Set(["up", "ready", "running", "healthy", "enrolled", "registered", "enabled", "moved", "done", "free", "assigned", "verified", "good"]);
const BAD = new Set(["down", "failed", "not_moved", "critical", "high", "expired", "refused", "alarm", "error", "faulty", "lost", "backoff", "disabled", "suspended", "stopped", "blocked", "cancelled"]);

const useStyles = makeStyles({ badge: { flexShrink: 0, whiteSpace: "nowrap" } });

/** What state something is in, by a word first and a colour second. */
export function State({ of, kind = "state" }: { of: string; kind?: string }) {
  const styles = useStyles();
  const color = GOOD.has(of) ? "success" : BAD.has(of) ? "danger" : "warning";
  return (
    <Badge appearance="tint" color={color} className={styles.badge}>
      {named(kind, of)}
    </Badge>
  );
}
