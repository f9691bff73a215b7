import { Button, Field, Input, makeStyles, Select, Switch, Textarea, tokens, type FieldProps } from "@fluentui/react-components";
import { useState, type ReactNode, type SyntheticEvent } from "react";
import { faultsOf, NO_FAULTS, type Faults } from "./faults";
import { Command, Fault } from "./Page";
import { useWork } from "./work";

const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM, maxWidth: "42rem" },
  actions: { display: "flex", gap: tokens.spacingHorizontalS, flexWrap: "wrap" },
});

export interface FormState<Values extends Record<string, string>> {
  values: Values;
  set: (name: keyof Values & string, value: string) => void;
  faults: Faults;
  busy: boolean;
  submit: (work: (values: Values) => Promise<unknown>) => Promise<boolean>;
}

/** What is typed into a form, and what the API had to say against it. */
export function useForm<Values extends Record<string, string>>(initial: Values): FormState<Values> {
  const [values, setValues] = useState(initial);
  const [faults, setFaults] = useState<Faults>(NO_FAULTS);
  const sending = useWork((work: () => Promise<unknown>) => work());
  return {
    values,
    faults,
    busy: sending.isPending,
    set: (name, value) => {
      setValues((before) => ({ ...before, [name]: value }));
      setFaults(({ fields, rest }) => ({ rest, fields: Object.fromEntries(Object.entries(fields).filter(([each]) => each !== name)) }));
    },
    submit: async (work) => {
      if (sending.isPending) return false;
      setFaults(NO_FAULTS);
      try {
        await sending.mutateAsync(() => work(values));
        return true;
      } catch (error) {
        setFaults(faultsOf(error, values));
        return false;
      }
    },
  };
}

interface FormProps {
  text: string;
  command: string;
  state: { faults: Faults; busy: boolean };
  onSubmit: () => void;
  children: ReactNode;
  more?: ReactNode;
}

/** A form with its button, the command that does the same, and what is wrong with it as a whole. */
export function Form({ text, command, state, onSubmit, children, more }: FormProps) {
  const styles = useStyles();
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      {children}
      <Fault error={state.faults.rest} />
      <Command text={command} />
      <div className={styles.actions}>
        <Button type="submit" appearance="primary" disabled={state.busy}>
          {text}
        </Button>
        {more}
      </div>
    </form>
  );
}

interface EntryProps<Values extends Record<string, string>> {
  of: FormState<Values>;
  name: keyof Values & string;
  label: string;
  hint?: string;
  required?: boolean;
}

function shown<Values extends Record<string, string>>({ of, name, label, hint, required }: EntryProps<Values>): FieldProps {
  const fault = of.faults.fields[name];
  return {
    label,
    ...(hint === undefined ? {} : { hint }),
    ...(required === undefined ? {} : { required }),
    ...(fault === undefined ? {} : { validationState: "error", validationMessage: fault }),
  };
}

interface TextProps<Values extends Record<string, string>> extends EntryProps<Values> {
  type?: "text" | "password" | "datetime-local" | "number" | "tel";
  lines?: number;
}

export function TextEntry<Values extends Record<string, string>>(props: TextProps<Values>) {
  const { of, name, type = "text", lines } = props;
  return (
    <Field {...shown(props)}>
      {lines === undefined ? (
        <Input type={type} autoComplete="off" value={of.values[name] ?? ""} onChange={(_, { value }) => { of.set(name, value); }} />
      ) : (
        <Textarea rows={lines} resize="vertical" value={of.values[name] ?? ""} onChange={(_, { value }) => { of.set(name, value); }} />
      )}
    </Field>
  );
}

export function ChoiceEntry<Values extends Record<string, string>>(props: EntryProps<Values> & { options: [string, string][] }) {
  const { of, name, options } = props;
  return (
    <Field {...shown(props)}>
      <Select value={of.values[name] ?? ""} onChange={(_, { value }) => { of.set(name, value); }}>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </Select>
    </Field>
  );
}

/** On or off; the value is "yes" or empty. */
export function SwitchEntry<Values extends Record<string, string>>({ of, name, label }: EntryProps<Values>) {
  return <Switch label={label} checked={of.values[name] === "yes"} onChange={(_, { checked }) => { of.set(name, checked ? "yes" : ""); }} />;
}
