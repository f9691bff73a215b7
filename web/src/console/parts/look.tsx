// Light, dark or high contrast: as the system is set, unless somebody chose otherwise in this browser.

import { teamsHighContrastTheme, webDarkTheme, webLightTheme, type Theme } from "@fluentui/react-components";
import { createContext, useContext, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";

export const LOOKS = ["system", "light", "dark", "contrast"] as const;
export type Look = (typeof LOOKS)[number];

const KEPT = "isthmus.look";
const THEMES: Record<Exclude<Look, "system">, Theme> = {
  light: webLightTheme,
  dark: webDarkTheme,
  contrast: teamsHighContrastTheme,
};
const dark = matchMedia("(prefers-color-scheme: dark)");
const contrast = matchMedia("(prefers-contrast: more)");

function watched(changed: () => void): () => void {
  for (const each of [dark, contrast]) each.addEventListener("change", changed);
  return () => {
    for (const each of [dark, contrast]) each.removeEventListener("change", changed);
  };
}

interface Chosen {
  look: Look;
  choose: (look: Look) => void;
}

const Context = createContext<Chosen>({ look: "system", choose: () => undefined });

export const useLook = () => useContext(Context);

export function LookProvider({ children }: { children: ReactNode }) {
  const [look, setLook] = useState<Look>(() => LOOKS.find((each) => each === localStorage.getItem(KEPT)) ?? "system");
  const chosen = useMemo(
    () => ({
      look,
      choose: (next: Look) => {
        localStorage.setItem(KEPT, next);
        setLook(next);
      },
    }),
    [look],
  );
  return <Context value={chosen}>{children}</Context>;
}

export function useTheme(): Theme {
  const { look } = useLook();
  const system = useSyncExternalStore(watched, () => (contrast.matches ? "contrast" : dark.matches ? "dark" : "light"));
  return THEMES[look === "system" ? system : look];
}
