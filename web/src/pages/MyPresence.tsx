import { Button, PresenceBadge } from "@fluentui/react-components";
import { lazy, Suspense, useState } from "react";
import { say } from "../messages";
import { useMyPresence } from "../presence/provider";
import { inWords } from "../presence/words";

// Not needed for the first picture.
const PresenceMenu = lazy(() => import("./PresenceMenu"));

/** How one is oneself, and the menu by which one sets it. */
export function MyPresence() {
  const { mine, choose } = useMyPresence();
  const [opened, setOpened] = useState(false);
  if (!mine) return null;
  const words = inWords(mine.state, true);
  const button = (
    <Button
      aria-haspopup="menu"
      aria-expanded={false}
      aria-label={say("presence.mine", { words })}
      icon={<PresenceBadge aria-hidden status={mine.state.availability} outOfOffice={mine.state.out_of_office} />}
      onClick={() => { setOpened(true); }}
    >
      {words}
    </Button>
  );
  if (!opened) return button;
  return (
    <Suspense fallback={button}>
      <PresenceMenu mine={mine} words={words} onChoose={choose} />
    </Suspense>
  );
}
