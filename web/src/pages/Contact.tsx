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

// What changes with somebody's presence is drawn by itself: a list of a thousand has many such changes, and the rest of a
// row is the larger part.

function Face({ aor, name }: { aor: string; name: string }) {
  const { one, current } = usePresence(aor);
  const badge = one && {
    status: current ? one.availability : ("unknown" as const),
    outOfOffice: one.out_of_office,
    "aria-hidden": true,
  };
  return <Avatar name={name} aria-hidden {...(badge && { badge })} />;
}

function Reached({ aor }: { aor: string }) {
  const { one, current } = usePresence(aor);
  const where = one && whereIs(one, language);
  return (
    <>
      {one && <Text size={200}>{inWords(one, current)}</Text>}
      {where !== undefined && where !== "" && <Text size={200}>{where}</Text>}
    </>
  );
}

/** A person of a list: who they are, how they can be reached now, and what to do about it. */
export function Contact({ someone: { aor, name, number }, ready, kept, onKeep, onCall, onVideo, more }: Props) {
  const styles = useListStyles();
  const shown = name || aor;
  return (
    <li className={styles.row}>
      <Face aor={aor} name={shown} />
      <span className={styles.text}>
        <Text weight="semibold">{shown}</Text>
        <Text size={200}>
          <bdi dir="ltr">{number ?? aor}</bdi>
        </Text>
        <Reached aor={aor} />
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
