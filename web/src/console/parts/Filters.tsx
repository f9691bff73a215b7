import { Field, Input, makeStyles, Select, tokens } from "@fluentui/react-components";
import { useEffect, useState } from "react";
import { t } from "../../messages/console";
import { useGo } from "./Go";
import { WORDS } from "../../messages/writing";

const RESTS_MS = 300;

const useStyles = makeStyles({
  filters: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
});

export interface Filter {
  name: string;
  label: string;
  /** What can be chosen; text can be typed where it is left out. */
  options?: [string, string][];
  type?: "text" | "datetime-local";
  /** What it is called to choose none. */
  any?: string;
}

/** Filters that stand in the page's address. */
export function Filters({ to, filters, present }: { to: string; filters: Filter[]; present: Record<string, string | undefined> }) {
  const styles = useStyles();
  const go = useGo();
  const change = (name: string, value: string) => {
    go({ to, search: { ...present, [name]: value === "" ? undefined : value }, replace: true });
  };
  return (
    <div className={styles.filters} role="search">
      {filters.map(({ name, label, options, type = "text", any = t("any") }) => (
        <Field key={name} label={label}>
          {options === undefined ? (
            <Rested type={type} value={present[name] ?? ""} onRest={(value) => { change(name, value); }} />
          ) : (
            <Select value={present[name] ?? ""} onChange={(_, { value }) => { change(name, value); }}>
              <option value="">{any}</option>
              {options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            </Select>
          )}
        </Field>
      ))}
    </div>
  );
}

function Rested({ value, type, onRest, ...rest }: { value: string; type: "text" | "datetime-local"; onRest: (text: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => {
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => { onRest(text.trim()); }, RESTS_MS);
    return () => { clearTimeout(timer); };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- what is typed alone begins the wait anew
  }, [text]);
  return <Input {...WORDS} type={type} autoComplete="off" value={text} onChange={(_, data) => { setText(data.value); }} {...rest} />;
}
