/** Where the keyboard goes on once a dialog is closed that no button of Fluent's own opened. */

import { useEffect, useState } from "react";

const FRAMES_MS = 100;

/** Once the page has been drawn, and unless the focus is elsewhere by now. */
export function giveBack(element: Element | null): void {
  window.setTimeout(() => {
    if (document.activeElement === document.body && element instanceof HTMLElement) element.focus();
  }, FRAMES_MS);
}

/** For a dialog that is there only while it is open: gives the focus back to what had it before. */
export function useFocusBack(): void {
  const [before] = useState(opener);
  useEffect(() => () => { giveBack(before); }, [before]);
}

/** What has the focus; for an item of a menu, which is gone by then, the button that the menu is named after. */
function opener(): Element | null {
  const menu = document.activeElement?.closest("[role=menu]")?.getAttribute("aria-labelledby");
  return menu ? document.getElementById(menu) : document.activeElement;
}
