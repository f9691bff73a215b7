import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger, makeStyles, Text, tokens,
  type ButtonProps,
} from "@fluentui/react-components";
import { useState, type ReactNode } from "react";
import { t } from "../../messages/console";
import { Command, Fault } from "./Page";
import { useDone } from "./toast";
import { isUndo } from "./undo";
import { useWork } from "./work";

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
  const tell = useDone();
  const [open, setOpen] = useState(false);
  const doing = useWork(onConfirm, (undo) => {
    setOpen(false);
    tell(done, isUndo(undo) ? undo : undefined);
  });
  const show = (shown: boolean) => {
    setOpen(shown);
    if (!doing.isPending) doing.reset(); // what goes on still goes on when it is closed
  };
  return (
    <Dialog open={open} onOpenChange={(_, data) => { show(data.open); }}>
      <DialogTrigger disableButtonEnhancement>
        <Button {...(icon === undefined ? {} : { icon })} disabled={disabled}>{text}</Button>
      </DialogTrigger>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent className={styles.content}>
            <Text>{consequences}</Text>
            <Command text={command} />
            <Fault error={doing.error} onAnew={() => { show(false); }} />
          </DialogContent>
          <DialogActions fluid>
            <Button appearance="primary" disabled={doing.isPending} onClick={() => { doing.mutate(); }}>
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
