import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, Input, Menu, MenuDivider, MenuItem,
  MenuList, MenuPopover, MenuTrigger,
} from "@fluentui/react-components";
import { useState, type SyntheticEvent } from "react";
import { useFocusBack } from "../../focus";
import { t } from "../../messages/console";
import { WORDS } from "../../messages/writing";

type Kept = Record<string, string>;

function read(key: string): Kept {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "{}") as Kept;
  } catch {
    return {};
  }
}

interface ViewsProps {
  of: string;
  /** The filters now, as an address has them. */
  present: string;
  onChoose: (kept: string) => void;
}

/** Filters that were given a name, in this browser. The address itself is a view that can be sent to others. */
export function Views({ of, present, onChoose }: ViewsProps) {
  const key = `isthmus.views.${of}`;
  const [views, setViews] = useState<Kept>(() => read(key));
  const [naming, setNaming] = useState(false);
  const keep = (next: Kept) => {
    localStorage.setItem(key, JSON.stringify(next));
    setViews(next);
  };
  const mine = Object.entries(views).find(([, kept]) => kept === present)?.[0];
  return (
    <>
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Button>{mine === undefined ? t("views") : t("viewNamed", { name: mine })}</Button>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            {Object.entries(views).map(([each, kept]) => (
              <MenuItem key={each} onClick={() => { onChoose(kept); }}>
                {each}
              </MenuItem>
            ))}
            {Object.keys(views).length > 0 && <MenuDivider />}
            <MenuItem onClick={() => { setNaming(true); }}>{t("keepView")}</MenuItem>
            {mine !== undefined && (
              <MenuItem onClick={() => { keep(Object.fromEntries(Object.entries(views).filter(([each]) => each !== mine))); }}>
                {t("forgetView", { name: mine })}
              </MenuItem>
            )}
          </MenuList>
        </MenuPopover>
      </Menu>
      {naming && <NameDialog onName={(name) => { keep({ ...views, [name]: present }); }} onClose={() => { setNaming(false); }} />}
    </>
  );
}

function NameDialog({ onName, onClose }: { onName: (name: string) => void; onClose: () => void }) {
  useFocusBack();
  const [name, setName] = useState("");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    onName(name.trim());
    onClose();
  };
  return (
    <Dialog open onOpenChange={(_, { open }) => { if (!open) onClose(); }}>
      <DialogSurface>
        <form onSubmit={submit}>
          <DialogBody>
            <DialogTitle>{t("keepView")}</DialogTitle>
            <DialogContent>
              <Field label={t("viewName")}>
                <Input {...WORDS} value={name} maxLength={60} onChange={(_, { value }) => { setName(value); }} />
              </Field>
            </DialogContent>
            <DialogActions>
              <Button type="submit" appearance="primary" disabled={name.trim() === ""}>{t("keep")}</Button>
              <Button onClick={onClose}>{t("leaveIt")}</Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
