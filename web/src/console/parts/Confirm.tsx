import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, makeStyles, Text, tokens,
  type ButtonProps,
} from "@fluentui/react-components";
import { useState, type ReactNode } from "react";
import { t } from "../../messages/console";
import { Command, Fault } from "./Page";
import { useAct } from "./Proving";
import { useDone } from "./toast";
import { isUndo } from "./undo";

const useStyles = makeStyles({
  content: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
});

interface ConfirmProps {
  /** What the button says. */
  text: string;
  icon?: ButtonProps["icon"];
  title: string;
  /** What comes of it, and whether it can be taken back. */
  consequences: ReactNode;
  command: string;
  done: string;
  /** May give what takes it back. */
  onConfirm: () => Promise<unknown>;
  disabled?: boolean;
}

/** A button that asks before it does it. */
export function Confirm({ text, icon, title, consequences, command, done, onConfirm, disabled = false }: ConfirmProps) {
  const styles = useStyles();
  const act = useAct();
  const tell = useDone();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      const undo = await act(onConfirm);
      setOpen(false);
      tell(done, isUndo(undo) ? undo : undefined);
    } catch (given) {
      setError(given instanceof Error ? given : new Error(String(given)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog open={open} onOpenChange={(_, data) => { setOpen(data.open); setError(null); }}>
      <DialogTrigger disableButtonEnhancement>
        <Button {...(icon === undefined ? {} : { icon })} disabled={disabled}>{text}</Button>
      </DialogTrigger>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent className={styles.content}>
            <Text>{consequences}</Text>
            <Command text={command} />
            <Fault error={error} />
          </DialogContent>
          <DialogActions fluid>
            <Button appearance="primary" disabled={busy} onClick={() => void confirm()}>
              {text}
            </Button>
            <DialogTrigger disableButtonEnhancement>
              <Button>{t("leaveIt")}</Button>
            </DialogTrigger>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
