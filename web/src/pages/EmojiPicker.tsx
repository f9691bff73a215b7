import { makeStyles, mergeClasses, Popover, PopoverSurface, tokens, type PositioningImperativeRef } from "@fluentui/react-components";
import {
  EmojiPicker as Picker, useSkinTone, type EmojiPickerListCategoryHeaderProps, type EmojiPickerListEmojiProps,
  type EmojiPickerListRowProps,
} from "frimousse";
import { useEffect, useMemo, useState } from "react";
import { emojis, kept, keep } from "../chats/emojis";
import { language, say } from "../messages";

const CELL = "2.25rem";

const useStyles = makeStyles({
  root: { display: "flex", flexDirection: "column", gap: tokens.spacingVerticalS, width: `calc(8 * ${CELL} + 1.25rem)`, maxWidth: "80vw" },
  head: { display: "flex", gap: tokens.spacingHorizontalS },
  search: {
    flexGrow: 1,
    minWidth: 0,
    padding: tokens.spacingHorizontalS,
    font: "inherit",
    color: tokens.colorNeutralForeground1,
    backgroundColor: tokens.colorNeutralBackground1,
    border: `1px solid ${tokens.colorNeutralStrokeAccessible}`,
    borderRadius: tokens.borderRadiusMedium,
  },
  tone: {
    width: CELL,
    fontSize: tokens.fontSizeBase500,
    backgroundColor: "transparent",
    border: `1px solid ${tokens.colorNeutralStrokeAccessible}`,
    borderRadius: tokens.borderRadiusMedium,
    cursor: "pointer",
  },
  list: { height: "16rem", overflowY: "auto", position: "relative" },
  category: {
    padding: tokens.spacingHorizontalXS,
    fontSize: tokens.fontSizeBase200,
    fontWeight: tokens.fontWeightSemibold,
    color: tokens.colorNeutralForeground2,
    backgroundColor: tokens.colorNeutralBackground1,
  },
  emoji: {
    width: CELL,
    height: CELL,
    padding: 0,
    fontSize: tokens.fontSizeBase500,
    backgroundColor: "transparent",
    border: "none",
    borderRadius: tokens.borderRadiusMedium,
    cursor: "pointer",
  },
  active: { backgroundColor: tokens.colorNeutralBackground1Hover, outline: `2px solid ${tokens.colorStrokeFocus2}`, outlineOffset: "-2px" },
  name: { minHeight: tokens.lineHeightBase300, overflow: "hidden", textOverflow: "ellipsis", whiteSpace: "nowrap" },
});

interface Props {
  /** The button that it belongs to. */
  target: HTMLElement;
  onPick: (emoji: string) => void;
  onClose: () => void;
}

/** Emojis by groups, and found by words. All of it comes from this site. */
export default function EmojiPicker({ target, onPick, onClose }: Props) {
  const styles = useStyles();
  const [positioning, setPositioning] = useState<PositioningImperativeRef | null>(null);
  useEffect(() => { positioning?.setTarget(target); }, [positioning, target]);
  const components = useMemo(() => ({ CategoryHeader, Row, Emoji }), []);
  return (
    <Popover
      open
      trapFocus
      withArrow
      positioning={{ position: "above", align: "end", positioningRef: setPositioning }}
      onOpenChange={(_, { open }) => { if (!open) onClose(); }}
    >
      <PopoverSurface aria-label={say("emoji")}>
        <Picker.Root
          className={styles.root}
          locale={language}
          columns={8}
          sticky={false}
          skinTone={kept()}
          resolveEmojiData={emojis}
          onEmojiSelect={({ emoji }) => { onPick(emoji); }}
        >
          <div className={styles.head}>
            {/* Where one begins to write as soon as it is open. */}
            {/* eslint-disable-next-line jsx-a11y/no-autofocus */}
            <Picker.Search autoFocus className={styles.search} aria-label={say("findEmoji")} placeholder={say("findEmoji")} />
            <Tone />
          </div>
          <Picker.Viewport className={styles.list}>
            <Picker.Loading>{say("loading")}</Picker.Loading>
            <Picker.Empty>{say("noEmoji")}</Picker.Empty>
            <Picker.List components={components} aria-label={say("emoji")} />
          </Picker.Viewport>
          <div className={styles.name} aria-live="polite">
            <Picker.ActiveEmoji>{({ emoji }) => emoji && `${emoji.emoji} ${emoji.label}`}</Picker.ActiveEmoji>
          </div>
        </Picker.Root>
      </PopoverSurface>
    </Popover>
  );
}

/** One press after the other changes it; it stays so in this browser. */
function Tone() {
  const styles = useStyles();
  const [tone] = useSkinTone();
  useEffect(() => { keep(tone); }, [tone]);
  return <Picker.SkinToneSelector className={styles.tone} aria-label={say("skinTone")} title={say("skinTone")} />;
}

function CategoryHeader({ category, className, ...rest }: EmojiPickerListCategoryHeaderProps) {
  const styles = useStyles();
  return <div {...rest} className={mergeClasses(styles.category, className)}>{category.label}</div>;
}

// The library counts rows and columns from 0; readers of screens do from 1 (WAI-ARIA, aria-rowindex).
const fromOne = (index: number | undefined) => (index === undefined ? undefined : index + 1);

function Row({ "aria-rowindex": row, ...rest }: EmojiPickerListRowProps) {
  return <div {...rest} aria-rowindex={fromOne(row)} />;
}

function Emoji({ emoji, className, "aria-colindex": column, ...rest }: EmojiPickerListEmojiProps) {
  const styles = useStyles();
  return (
    <button
      type="button"
      role="gridcell"
      {...rest}
      aria-colindex={fromOne(column)}
      className={mergeClasses(styles.emoji, emoji.isActive && styles.active, className)}
    >
      {emoji.emoji}
    </button>
  );
}
