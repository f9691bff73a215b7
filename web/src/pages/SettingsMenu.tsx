import { Menu, MenuButton, MenuDivider, MenuItem, MenuList, MenuPopover, MenuTrigger } from "@fluentui/react-components";
import { SettingsRegular } from "@fluentui/react-icons/svg/settings";
import { openLinksHere } from "../calls/links";
import { say } from "../messages";
import { tell } from "../messages/diagnosis";
import type { Part } from "./Settings";

interface Props {
  onPart: (part: Part) => void;
  onSignOut: () => void;
}

/** The button with its menu, which is open at first. */
export default function SettingsMenu({ onPart, onSignOut }: Props) {
  return (
    <Menu defaultOpen inline>
      <MenuTrigger disableButtonEnhancement>
        <MenuButton icon={<SettingsRegular />}>{say("settings")}</MenuButton>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          <MenuItem onClick={() => { onPart("sound"); }}>{say("sound")}</MenuItem>
          <MenuItem onClick={() => { onPart("camera"); }}>{say("camera")}</MenuItem>
          <MenuItem onClick={() => { onPart("selfTest"); }}>{tell("selfTest")}</MenuItem>
          <MenuItem onClick={() => { onPart("shortcuts"); }}>{say("shortcuts")}</MenuItem>
          <MenuItem onClick={openLinksHere} title={say("linksAsked")}>{say("links")}</MenuItem>
          <MenuDivider />
          <MenuItem onClick={onSignOut}>{say("signOut")}</MenuItem>
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}
