import { Avatar, Button, Text, ToggleButton } from "@fluentui/react-components";
import { CallRegular } from "@fluentui/react-icons/svg/call";
import { VideoRegular } from "@fluentui/react-icons/svg/video";
import { StarRegular } from "@fluentui/react-icons/svg/star";
import type { ReactNode } from "react";
import { language, say } from "../messages";
import { usePresence } from "../presence/provider";
import { inWords, whereIs } from "../presence/words";
import { useListStyles } from "./Search";

export interface Someone {
  aor: string;
  name: string;
  number: string | null;
}

interface Props {
  someone: Someone;
  ready: boolean;
  kept: boolean;
  onKeep: (kept: boolean) => void;
  onCall: (uri: string) => void;
  onVideo?: (uri: string) => void;
  /** What else can be done. */
  more?: ReactNode;
}

/** A person of a list: who they are, how they can be reached now, and what to do about it. */
export function Contact({ someone: { aor, name, number }, ready, kept, onKeep, onCall, onVideo, more }: Props) {
  const styles = useListStyles();
  const { one, current } = usePresence(aor);
  const shown = name || aor;
  const words = one && inWords(one, current);
  const where = one && whereIs(one, language);
  const badge = one && {
    status: current ? one.availability : ("unknown" as const),
    outOfOffice: one.out_of_office,
    "aria-hidden": true,
  };
  return (
    <li className={styles.row}>
      <Avatar name={shown} aria-hidden {...(badge && { badge })} />
      <span className={styles.text}>
        <Text weight="semibold">{shown}</Text>
        <Text size={200}>{number ?? aor}</Text>
        {words !== undefined && <Text size={200}>{words}</Text>}
        {where !== undefined && where !== "" && <Text size={200}>{where}</Text>}
      </span>
      <ToggleButton
        appearance="subtle"
        icon={<StarRegular />}
        checked={kept}
        aria-label={say("keepContact", { name: shown })}
        onClick={() => { onKeep(!kept); }}
      />
      <Button
        icon={<CallRegular />}
        aria-label={say("callPerson", { name: shown })}
        disabled={!ready}
        onClick={() => { onCall(`sip:${aor}`); }}
      />
      {onVideo && (
        <Button
          icon={<VideoRegular />}
          aria-label={say("videoPerson", { name: shown })}
          disabled={!ready}
          onClick={() => { onVideo(`sip:${aor}`); }}
        />
      )}
      {more}
    </li>
  );
}
