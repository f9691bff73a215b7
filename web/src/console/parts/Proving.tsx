import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, Input, Text,
} from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useRef, useState, type ReactNode, type SyntheticEvent } from "react";
import { ApiError } from "../../api/client";
import { giveBack } from "../../focus";
import { t } from "../../messages/console";
import { proveByCode, proveByPasskey, STEP_UP } from "./proof";
import { LTR } from "../../messages/writing";

type Act = <Result>(work: () => Promise<Result>) => Promise<Result>;

const Context = createContext<Act>((work) => work());

/** Does something that may be dangerous: when the site wants the second factor again, it is asked for, and it is done. */
export const useAct = () => useContext(Context);

export function Proving({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const waiting = useRef<(proved: boolean) => void>(undefined);
  const act = useCallback<Act>(async (work) => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind !== STEP_UP) throw error;
      const before = document.activeElement;
      const proved = await new Promise<boolean>((resolve) => {
        waiting.current = resolve;
        setOpen(true);
      });
      try {
        if (!proved) throw error;
        return await work();
      } finally {
        giveBack(before);
      }
    }
  }, []);
  const close = (proved: boolean) => {
    setOpen(false);
    waiting.current?.(proved);
  };
  return (
    <Context value={act}>
      {children}
      {open && <ProveDialog onClose={close} />}
    </Context>
  );
}

function ProveDialog({ onClose }: { onClose: (proved: boolean) => void }) {
  const [code, setCode] = useState("");
  const proving = useMutation({
    mutationFn: (how: () => Promise<void>) => how(),
    onSuccess: () => { onClose(true); },
    gcTime: 0, // holds the code
    networkMode: "always",
  });
  const { isPending: busy, error } = proving;
  const fault = error === null ? "" : error instanceof DOMException ? t("proveNotUsed") : error.message;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    proving.mutate(() => proveByCode(code.trim()));
  };
  return (
    <Dialog open onOpenChange={(_, data) => { if (!data.open) onClose(false); }}>
      <DialogSurface>
        <form onSubmit={submit}>
          <DialogBody>
            <DialogTitle>{t("proveTitle")}</DialogTitle>
            <DialogContent>
              <Text block>{t("proveWhy")}</Text>
              <Field
                label={t("proveCode")}
                {...(fault === "" ? {} : { validationState: "error" as const, validationMessage: fault })}
              >
                <Input
                  {...LTR}
                  value={code}
                  autoComplete="one-time-code"
                  maxLength={64}
                  onChange={(_, { value }) => { setCode(value); }}
                />
              </Field>
            </DialogContent>
            <DialogActions fluid>
              <Button type="submit" appearance="primary" disabled={busy || code.trim() === ""}>
                {t("proveGoOn")}
              </Button>
              {"PublicKeyCredential" in window && (
                <Button disabled={busy} onClick={() => { proving.mutate(proveByPasskey); }}>
                  {t("provePasskey")}
                </Button>
              )}
              <Button disabled={busy} onClick={() => { onClose(false); }}>
                {t("leaveIt")}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
