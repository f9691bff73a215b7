import { Toast, ToastTitle, useToastController } from "@fluentui/react-components";
import { createContext, useContext } from "react";

export const ToasterContext = createContext("");

/** Says that something is done; it goes away by itself. */
export function useDone(): (text: string) => void {
  const { dispatchToast } = useToastController(useContext(ToasterContext));
  return (text) => {
    dispatchToast(
      <Toast>
        <ToastTitle>{text}</ToastTitle>
      </Toast>,
      { intent: "success" },
    );
  };
}
