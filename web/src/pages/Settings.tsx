import { Button } from "@fluentui/react-components";
import { SettingsRegular } from "@fluentui/react-icons/svg/settings";
import { lazy, Suspense, useEffect, useState } from "react";
import { isUp, type Call, type Line } from "../calls/model";
import type { Phone } from "../calls/phone";
import { callFor, shortcutOf, type Shortcut } from "../calls/shortcuts";
import { say } from "../messages";

// Not needed for the first picture.
const SettingsMenu = lazy(() => import("./SettingsMenu"));
const Sound = lazy(async () => ({ default: (await import("./Sound")).Sound }));
const Camera = lazy(async () => ({ default: (await import("./Camera")).Camera }));
const SelfTest = lazy(async () => ({ default: (await import("./SelfTest")).SelfTest }));
const Shortcuts = lazy(async () => ({ default: (await import("./Shortcuts")).Shortcuts }));

export type Part = "sound" | "camera" | "selfTest" | "shortcuts";

interface Props {
  calls: readonly Call[];
  phone: Phone | undefined;
  line: Line;
  onSignOut: () => void;
}

/** What one sets or looks at now and then; and what keys do, wherever in the page one is. */
export function Settings({ calls, phone, line, onSignOut }: Props) {
  const [asked, setAsked] = useState(false);
  const [part, setPart] = useState<Part>();
  useShortcuts(calls, phone, () => { setPart("shortcuts"); });
  const close = () => { setPart(undefined); };
  const button = (
    <Button
      aria-haspopup="menu"
      aria-expanded={false}
      icon={<SettingsRegular />}
      onClick={() => { setAsked(true); }}
    >
      {say("settings")}
    </Button>
  );
  return (
    <>
      {asked ? (
        <Suspense fallback={button}>
          <SettingsMenu onPart={setPart} onSignOut={onSignOut} />
        </Suspense>
      ) : (
        button
      )}
      <Suspense>
        {part === "sound" && <Sound phone={phone} onClose={close} />}
        {part === "camera" && <Camera phone={phone} onClose={close} />}
        {part === "selfTest" && <SelfTest line={line} busy={calls.some(isUp)} onClose={close} />}
        {part === "shortcuts" && <Shortcuts onClose={close} />}
      </Suspense>
    </>
  );
}

function useShortcuts(calls: readonly Call[], phone: Phone | undefined, onHelp: () => void): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const shortcut = shortcutOf(event);
      if (shortcut === undefined) return;
      event.preventDefault();
      if (shortcut === "help") onHelp();
      else if (shortcut === "search") document.querySelector<HTMLInputElement>("form[role=search] input")?.focus();
      else if (phone) act(phone, shortcut, callFor(shortcut, calls));
    };
    window.addEventListener("keydown", pressed);
    return () => { window.removeEventListener("keydown", pressed); };
  }, [calls, phone, onHelp]);
}

function act(phone: Phone, shortcut: Shortcut, call: Call | undefined): void {
  if (!call) return;
  if (shortcut === "answer") phone.answer(call.id);
  else if (shortcut === "mute") phone.mute(call.id, !call.muted);
  else if (shortcut === "hold") phone.hold(call.id, !call.held);
  else if (call.stage === "incoming") phone.decline(call.id);
  else phone.hangUp(call.id);
}
