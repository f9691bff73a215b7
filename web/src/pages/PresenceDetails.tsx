import {
  Button, Dialog, DialogActions, DialogBody, DialogContent, DialogSurface, DialogTitle, Field, Input, makeStyles, MessageBar,
  MessageBarBody, Select, Textarea, tokens,
} from "@fluentui/react-components";
import { useState, type SyntheticEvent } from "react";
import { Refused } from "../live/connection";
import { useFocusBack } from "../focus";
import { say } from "../messages";
import type { Chosen } from "../presence/model";
import { LTR, WORDS, WORDS_LINES } from "../messages/writing";

const LONGEST_NOTE = 300;
const SHOWS = ["everything", "availability", "nothing"] as const;
const ZONES = Intl.supportedValuesOf("timeZone");
const HOURS = [1, 2, 4, 8] as const;

const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalM },
});

interface Props {
  chosen: Chosen;
  onChoose: (changes: Record<string, unknown>) => Promise<void>;
  onClose: () => void;
}

/** Until when, a note, where one is, and who sees how much of it. */
export default function PresenceDetails({ chosen, onChoose, onClose }: Props) {
  const styles = useStyles();
  useFocusBack();
  const [form, setForm] = useState({
    note: chosen.note,
    location: chosen.location,
    time_zone: chosen.time_zone,
    exceptions: chosen.exceptions.join(", "),
    shows: chosen.shows,
  });
  const [hours, setHours] = useState("");
  const [refused, setRefused] = useState("");
  const put = (changes: Partial<typeof form>) => { setForm({ ...form, ...changes }); };
  const save = (event: SyntheticEvent) => {
    event.preventDefault();
    const exceptions = form.exceptions.split(/[,;\n]/).map((each) => each.trim()).filter(Boolean);
    const until = hours === "" ? {} : { until_ms: Date.now() + Number(hours) * 3_600_000 };
    onChoose({ ...form, exceptions, ...until }).then(onClose, (error: unknown) => {
      setRefused(error instanceof Refused && error.advice ? `${error.what}. ${error.advice}` : String(error));
    });
  };
  return (
    <Dialog open onOpenChange={(_, { open }) => { if (!open) onClose(); }}>
      <DialogSurface aria-describedby={undefined}>
        <form onSubmit={save}>
          <DialogBody>
            <DialogTitle>{say("presence.detailsTitle")}</DialogTitle>
            <DialogContent className={styles.form}>
              {refused && (
                <MessageBar intent="error" layout="multiline">
                  <MessageBarBody>{refused}</MessageBarBody>
                </MessageBar>
              )}
              <Field label={say("presence.note")}>
                <Textarea {...WORDS_LINES} value={form.note} maxLength={LONGEST_NOTE} onChange={(_, { value }) => { put({ note: value }); }} />
              </Field>
              {chosen.availability !== "" && (
                <Field label={say("presence.until")}>
                  <Select value={hours} onChange={(_, { value }) => { setHours(value); }}>
                    <option value="">{chosen.until_ms === 0 ? say("presence.untilChanged") : say("presence.untilAsSet")}</option>
                    {HOURS.map((each) => (
                      <option key={each} value={each}>{say("presence.hours", { hours: String(each) })}</option>
                    ))}
                  </Select>
                </Field>
              )}
              <Field label={say("presence.location")}>
                <Input {...WORDS} value={form.location} maxLength={100} onChange={(_, { value }) => { put({ location: value }); }} />
              </Field>
              <Field label={say("presence.timeZone")}>
                <Select value={form.time_zone} onChange={(_, { value }) => { put({ time_zone: value }); }}>
                  <option value="">{say("presence.noTimeZone")}</option>
                  {ZONES.map((each) => <option key={each}>{each}</option>)}
                </Select>
              </Field>
              <Field label={say("presence.exceptions")} hint={say("presence.exceptionsHint")}>
                <Input {...LTR} value={form.exceptions} onChange={(_, { value }) => { put({ exceptions: value }); }} />
              </Field>
              <Field label={say("presence.shows")}>
                <Select value={form.shows} onChange={(_, { value }) => { put({ shows: value as Chosen["shows"] }); }}>
                  {SHOWS.map((each) => <option key={each} value={each}>{say(`presence.shows.${each}`)}</option>)}
                </Select>
              </Field>
            </DialogContent>
            <DialogActions>
              <Button type="submit" appearance="primary">{say("save")}</Button>
              <Button onClick={onClose}>{say("cancel")}</Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}
