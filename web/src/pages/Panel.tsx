import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, DialogTrigger,
} from "@fluentui/react-components";
import type { ReactNode } from "react";
import { useFocusBack } from "../focus";
import { say } from "../messages";

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
  /** What else than closing it one can do. */
  action?: ReactNode;
}

/** What is set or looked at apart from the page, until it is closed. */
export function Panel({ title, onClose, children, action }: Props) {
  useFocusBack();
  return (
    <Dialog open onOpenChange={(_, { open }) => { if (!open) onClose(); }}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent>{children}</DialogContent>
          <DialogActions>
            {action}
            <DialogTrigger disableButtonEnhancement>
              <Button appearance={action ? "secondary" : "primary"}>{say("close")}</Button>
            </DialogTrigger>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
