import { Link, Toast, ToastFooter, ToastTitle, ToastTrigger, useToastController } from "@fluentui/react-components";
import { createContext, useContext } from "react";
import { t } from "../../messages/console";
import { useAct } from "./Proving";

export const ToasterContext = createContext("");

let dispatched = 0; // of those that can be taken back

const UNDO_MS = 20_000; // long enough to read it and to get there by keyboard

/**
 * Says that something is done; it goes away by itself. `undo` takes it back, as long as nobody changed it since: of the
 * last change alone, for two of them side by side would not say which is which.
 */
export function useDone(): (text: string, undo?: () => Promise<unknown>) => void {
  const { dispatchToast, dismissToast } = useToastController(useContext(ToasterContext));
  const act = useAct();
  const say = (text: string, intent: "success" | "error") => {
    dispatchToast(
      <Toast>
        <ToastTitle>{text}</ToastTitle>
      </Toast>,
      { intent },
    );
  };
  return (text, undo) => {
    if (undo === undefined) {
      say(text, "success");
      return;
    }
    const takeBack = async () => {
      try {
        await act(undo);
        say(t("undone"), "success");
      } catch (error) {
        say(error instanceof Error ? error.message : String(error), "error");
      }
    };
    dismissToast(`undo-${String(dispatched)}`);
    dispatched++;
    dispatchToast(
      <Toast>
        <ToastTitle>{text}</ToastTitle>
        <ToastFooter>
          <ToastTrigger>
            <Link as="button" onClick={() => void takeBack()}>{t("undo")}</Link>
          </ToastTrigger>
        </ToastFooter>
      </Toast>,
      { toastId: `undo-${String(dispatched)}`, intent: "success", timeout: UNDO_MS, pauseOnHover: true },
    );
  };
}
