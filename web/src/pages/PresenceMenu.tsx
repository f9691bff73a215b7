import {
  Menu, MenuButton, MenuDivider, MenuItem, MenuItemCheckbox, MenuItemRadio, MenuList, MenuPopover, MenuTrigger, MessageBar,
  MessageBarBody, PresenceBadge,
} from "@fluentui/react-components";
import { useState } from "react";
import { say } from "../messages";
import type { Mine } from "../presence/model";
import PresenceDetails from "./PresenceDetails";

const AUTOMATIC = "automatic";
const CHOICES = ["busy", "do-not-disturb", "away", "offline"] as const;

interface Props {
  mine: Mine;
  words: string;
  onChoose: (changes: Record<string, unknown>) => Promise<void>;
}

/** The button with its menu, which is open at first. */
export default function PresenceMenu({ mine: { state, chosen }, words, onChoose }: Props) {
  const [detailed, setDetailed] = useState(false);
  const [refused, setRefused] = useState("");
  const set = (changes: Record<string, unknown>) => {
    onChoose(changes).then(
      () => { setRefused(""); },
      (error: unknown) => { setRefused(error instanceof Error ? error.message : String(error)); },
    );
  };
  return (
    <>
      <Menu
        defaultOpen
        inline
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
      {refused && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>{refused}</MessageBarBody>
        </MessageBar>
      )}
      {detailed && <PresenceDetails chosen={chosen} onChoose={onChoose} onClose={() => { setDetailed(false); }} />}
    </>
  );
}
