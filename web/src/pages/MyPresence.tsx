import {
  Menu, MenuButton, MenuDivider, MenuItem, MenuItemCheckbox, MenuItemRadio, MenuList, MenuPopover, MenuTrigger, PresenceBadge, Spinner,
} from "@fluentui/react-components";
import { lazy, Suspense, useState } from "react";
import { say } from "../messages";
import { useMyPresence } from "../presence/provider";
import { inWords } from "../presence/words";

// Not needed for the first picture.
const PresenceDetails = lazy(() => import("./PresenceDetails"));

const AUTOMATIC = "automatic";
const CHOICES = ["busy", "do-not-disturb", "away", "offline"] as const;

/** How one is oneself, and the menu by which one sets it. */
export function MyPresence() {
  const { mine, choose } = useMyPresence();
  const [detailed, setDetailed] = useState(false);
  if (!mine) return null;
  const { state, chosen } = mine;
  const set = (changes: Record<string, unknown>) => { choose(changes).catch(() => undefined); };
  const words = inWords(state, true);
  return (
    <>
      <Menu
        checkedValues={{ be: [chosen.availability || AUTOMATIC], out: chosen.out_of_office ? ["yes"] : [] }}
        onCheckedValueChange={(_, { name, checkedItems }) => {
          const [value = AUTOMATIC] = checkedItems;
          if (name === "be") set({ availability: value === AUTOMATIC ? "" : value });
          else set({ out_of_office: checkedItems.length > 0 });
        }}
      >
        <MenuTrigger disableButtonEnhancement>
          <MenuButton
            aria-label={say("presence.mine", { words })}
            icon={<PresenceBadge aria-hidden status={state.availability} outOfOffice={state.out_of_office} />}
          >
            {words}
          </MenuButton>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            <MenuItemRadio name="be" value={AUTOMATIC}>{say("presence.automatic")}</MenuItemRadio>
            {CHOICES.map((each) => (
              <MenuItemRadio key={each} name="be" value={each}>
                {say(each === "offline" ? "presence.lookOffline" : `presence.${each}`)}
              </MenuItemRadio>
            ))}
            <MenuDivider />
            <MenuItemCheckbox name="out" value="yes">{say("presence.outOfOffice")}</MenuItemCheckbox>
            <MenuItem onClick={() => { setDetailed(true); }}>{say("presence.details")}</MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
      {detailed && (
        <Suspense fallback={<Spinner label={say("loading")} />}>
          <PresenceDetails chosen={chosen} onChoose={choose} onClose={() => { setDetailed(false); }} />
        </Suspense>
      )}
    </>
  );
}
