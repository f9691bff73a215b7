import {
  Button, makeStyles, Menu, MenuItemRadio, MenuList, MenuPopover, MenuTrigger, NavDrawer, NavDrawerBody, NavItem, Spinner,
  Text, Title3, tokens, Tooltip, useRestoreFocusTarget, type MenuProps,
} from "@fluentui/react-components";
import { DarkThemeRegular } from "@fluentui/react-icons/svg/dark-theme";
import { LocalLanguageRegular } from "@fluentui/react-icons/svg/local-language";
import { NavigationRegular } from "@fluentui/react-icons/svg/navigation";
import { SignOutRegular } from "@fluentui/react-icons/svg/sign-out";
import { Outlet, useLocation } from "@tanstack/react-router";
import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { isSignedIn, leaveForSignIn, leaveForSignOut } from "../api/signin";
import { chooseLanguage, language } from "../messages";
import { t } from "../messages/console";
import { PLACES } from "./places";
import { Go, useGo } from "./parts/Go";
import { Fault, Page } from "./parts/Page";
import { LOOKS, useLook, type Look } from "./parts/look";
import { Notices } from "./parts/toast";
import { useSession } from "./session";

const LANGUAGE_NAMES: Record<string, string> = { en: "English", de: "Deutsch" };
const wide = matchMedia("(min-width: 56rem)");

const useStyles = makeStyles({
  frame: { display: "flex", minHeight: "100vh", backgroundColor: tokens.colorNeutralBackground1 },
  nav: { minWidth: "14rem", maxWidth: "14rem", flexShrink: 0, height: "100vh", position: "sticky", top: 0 },
  column: { flexGrow: 1, minWidth: 0, display: "flex", flexDirection: "column" },
  bar: {
    display: "flex",
    alignItems: "center",
    flexWrap: "wrap",
    gap: tokens.spacingHorizontalS,
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalL}`,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
  },
  who: { flexGrow: 1, textAlign: "end", overflowWrap: "anywhere" },
  main: {
    padding: tokens.spacingHorizontalL,
    maxWidth: "90rem",
    width: "100%",
    boxSizing: "border-box",
    // Names that people give are as long as they like: on a small screen they are broken, and choices made narrower.
    overflowWrap: "break-word",
    "& .fui-Select": { minWidth: 0 },
  },
  skip: {
    position: "absolute",
    insetInlineStart: "-100vw",
    ":focus": { insetInlineStart: tokens.spacingHorizontalM, top: tokens.spacingVerticalM, zIndex: 1000000 },
  },
});

/** Signs in first, by leaving for the site's own page. */
export function Frame() {
  const signedIn = isSignedIn();
  useEffect(() => {
    if (!signedIn) void leaveForSignIn(`${location.pathname}${location.search}`);
  }, [signedIn]);
  return signedIn ? <SignedIn /> : <Spinner label={t("loading")} />;
}

function useWide(): boolean {
  return useSyncExternalStore(
    (changed) => {
      wide.addEventListener("change", changed);
      return () => { wide.removeEventListener("change", changed); };
    },
    () => wide.matches,
  );
}

function SignedIn() {
  const styles = useStyles();
  const session = useSession();
  const inline = useWide();
  const [open, setOpen] = useState(inline);
  const main = useRef<HTMLElement>(null);
  const givenFocusBack = useRestoreFocusTarget();
  useEffect(() => {
    setOpen(inline);
  }, [inline]);
  if (session.isPending) return <Spinner label={t("loading")} />;
  if (session.error !== null) return <main><Fault error={session.error} /></main>;
  return (
    <Notices>
      <a
        href="#content"
        className={styles.skip}
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {t("skip")}
      </a>
      <div className={styles.frame}>
        <Places inline={inline} open={open} onOpen={setOpen} may={session.data.permissions} />
        <div className={styles.column}>
          <header className={styles.bar}>
            <Tooltip content={t("menu")} relationship="label">
              <Button
                appearance="subtle"
                icon={<NavigationRegular />}
                aria-expanded={open}
                {...givenFocusBack}
                onClick={() => { setOpen(!open); }}
              />
            </Tooltip>
            <Title3 as="span">{t("title")}</Title3>
            <Text className={styles.who}>{session.data.display_name || session.data.account}</Text>
            <Choice
              label={t("language")}
              icon={<LocalLanguageRegular />}
              value={language}
              options={Object.entries(LANGUAGE_NAMES)}
              onChoose={chooseLanguage}
            />
            <LookChoice />
            <Button icon={<SignOutRegular />} appearance="subtle" onClick={leaveForSignOut}>
              {t("signOut")}
            </Button>
          </header>
          <main className={styles.main} id="content" ref={main} tabIndex={-1}>
            {session.data.permissions.length === 0 ? <Text>{t("nothingForYou")}</Text> : <Outlet />}
          </main>
        </div>
      </div>
    </Notices>
  );
}

interface PlacesProps {
  inline: boolean;
  open: boolean;
  onOpen: (open: boolean) => void;
  may: string[];
}

function Places({ inline, open, onOpen, may }: PlacesProps) {
  const styles = useStyles();
  const go = useGo();
  const path = useLocation().pathname;
  const shown = PLACES.filter(({ needs }) => may.includes(needs));
  const here = shown.filter(({ to }) => path === to || (to !== "/" && path.startsWith(`${to}/`))).at(-1)?.to ?? "";
  return (
    <NavDrawer
      type={inline ? "inline" : "overlay"}
      open={open}
      onOpenChange={(_, data) => { onOpen(data.open); }}
      selectedValue={here}
      className={styles.nav}
      aria-label={t("navigation")}
      {...(inline ? { role: "navigation" } : {})}
    >
      <NavDrawerBody>
        {shown.map(({ to, text, Icon }) => (
          <NavItem
            key={to}
            value={to}
            icon={<Icon />}
            href={`/console${to}`}
            aria-current={here === to ? "page" : undefined}
            onClick={(event: { preventDefault: () => void; ctrlKey: boolean; metaKey: boolean }) => {
              if (event.ctrlKey || event.metaKey) return;
              event.preventDefault();
              go({ to });
              if (!inline) onOpen(false);
            }}
          >
            {t(text)}
          </NavItem>
        ))}
      </NavDrawerBody>
    </NavDrawer>
  );
}

interface ChoiceProps {
  label: string;
  icon: React.JSX.Element;
  value: string;
  options: [string, string][];
  onChoose: (value: string) => void;
}

function Choice({ label, icon, value, options, onChoose }: ChoiceProps) {
  const changed: MenuProps["onCheckedValueChange"] = (_, { checkedItems }) => {
    const chosen = checkedItems[0];
    if (chosen !== undefined && chosen !== value) onChoose(chosen);
  };
  return (
    <Menu checkedValues={{ chosen: [value] }} onCheckedValueChange={changed}>
      <MenuTrigger disableButtonEnhancement>
        <Tooltip content={label} relationship="label">
          <Button appearance="subtle" icon={icon} />
        </Tooltip>
      </MenuTrigger>
      <MenuPopover>
        <MenuList>
          {options.map(([name, title]) => (
            <MenuItemRadio key={name} name="chosen" value={name}>
              {title}
            </MenuItemRadio>
          ))}
        </MenuList>
      </MenuPopover>
    </Menu>
  );
}

function LookChoice() {
  const { look, choose } = useLook();
  return (
    <Choice
      label={t("look")}
      icon={<DarkThemeRegular />}
      value={look}
      options={LOOKS.map((each) => [each, t(`look.${each}`)])}
      onChoose={(chosen) => { choose(chosen as Look); }}
    />
  );
}

export function NotHere() {
  return (
    <Page title={t("notHere")}>
      <Go to="/">{t("toHome")}</Go>
    </Page>
  );
}
