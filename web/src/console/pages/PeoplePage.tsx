import {
  Button, Checkbox, Dropdown, Field, Input, makeStyles, Option, Select, Text, Toolbar, tokens,
} from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons/svg/add";
import { ArrowMoveRegular } from "@fluentui/react-icons/svg/arrow-move";
import { ArrowUploadRegular } from "@fluentui/react-icons/svg/arrow-upload";
import { PeopleEditRegular } from "@fluentui/react-icons/svg/people-edit";
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState } from "react";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { keepChosen } from "../chosen";
import { count, command } from "../parts/format";
import { Go, useGo } from "../parts/Go";
import { Command, Fault, Page } from "../parts/Page";
import { State } from "../parts/State";
import { VirtualTable, type Column } from "../parts/Table";
import { useHomes, type Person } from "../queries";
import { useMay } from "../session";
import { Views } from "./Views";
import { WORDS } from "../../messages/writing";

const PAGE = 200;
const TYPING_MS = 250;
const KEPT_COLUMNS = "isthmus.people-columns";

interface Filters {
  match?: string;
  home?: string;
  group?: string;
  enabled?: string;
}

const useStyles = makeStyles({
  filters: { display: "flex", flexWrap: "wrap", gap: tokens.spacingHorizontalM, alignItems: "end" },
  search: { flexGrow: 1, minWidth: "14rem" },
  actions: { flexWrap: "wrap", gap: tokens.spacingHorizontalS, padding: 0 },
});

const COLUMNS: Column<Person>[] = [
  { id: "name", title: t("person.name"), share: 2, show: ({ aor, display_name }) => <Go to="/people/$aor" params={{ aor }}>{display_name || aor}</Go> },
  { id: "aor", title: t("person.aor"), share: 3, show: ({ aor }) => aor },
  { id: "number", title: t("person.number"), share: 2, show: ({ number }) => number ?? "" },
  { id: "home", title: t("person.home"), show: ({ home }) => home },
  { id: "groups", title: t("person.groups"), share: 2, show: ({ groups }) => groups.join(", ") },
  { id: "enabled", title: t("person.state"), show: (person) => <State of={person.enabled ? "enabled" : "disabled"} /> },
  { id: "tenant", title: t("person.tenant"), show: ({ tenant }) => tenant },
];
const FIRST_SHOWN = ["name", "aor", "number", "home", "enabled"];

function asked({ match, home, group, enabled }: Filters) {
  return {
    match: match ?? null,
    home: home ?? null,
    group: group ?? null,
    enabled: enabled === undefined ? null : enabled === "yes",
  };
}

/** The pages of the list that are in sight, and how many people there are in all. */
function usePeople(filters: Filters) {
  const [pagesInSight, setPagesInSight] = useState<[number, number]>([0, 0]);
  const total = useQuery({
    queryKey: ["people", "count", filters],
    placeholderData: keepPreviousData,
    queryFn: async () => told(await api.GET("/v1/people/count", { params: { query: asked(filters) } })).count,
  });
  const [first, last] = pagesInSight;
  const wanted = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const pages = useQueries({
    queries: wanted.map((page) => ({
      queryKey: ["people", "page", filters, page],
      staleTime: 20_000,
      queryFn: async () =>
        told(await api.GET("/v1/people", { params: { query: { ...asked(filters), offset: page * PAGE, limit: PAGE } } })),
    })),
  });
  const onRange = useCallback((from: number, to: number) => {
    // By pages, not by rows: the whole page is drawn anew with each change.
    const [one, other] = [Math.floor(from / PAGE), Math.floor(to / PAGE)];
    setPagesInSight((before) => (before[0] === one && before[1] === other ? before : [one, other]));
  }, []);
  const at = (index: number) => pages[Math.floor(index / PAGE) - first]?.data?.[index % PAGE];
  return { total: total.data, at, onRange, error: total.error ?? pages.find(({ error }) => error !== null)?.error ?? null };
}

export function PeoplePage() {
  const styles = useStyles();
  const filters: Filters = useSearch({ strict: false });
  const may = useMay();
  const go = useGo();
  const people = usePeople(filters);
  const filtered = [filters.match, filters.home, filters.group, filters.enabled].some((each) => each !== undefined);
  const [columns, setColumns] = useState<string[]>(() => localStorage.getItem(KEPT_COLUMNS)?.split(",") ?? FIRST_SHOWN);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const change = (more: Partial<Record<keyof Filters, string | undefined>>) => {
    go({ to: "/people", search: { ...filters, ...more }, replace: true });
  };
  const shown = useMemo(() => {
    const choose: Column<Person> = {
      id: "chosen",
      title: t("chosen"),
      share: 0.6,
      show: ({ aor }) => (
        <Checkbox
          aria-label={t("choosePerson", { name: aor })}
          checked={selected.has(aor)}
          onChange={(_, { checked }) => {
            setSelected((before) => new Set(checked === true ? [...before, aor] : [...before].filter((each) => each !== aor)));
          }}
        />
      ),
    };
    return [choose, ...COLUMNS.filter(({ id }) => columns.includes(id))];
  }, [columns, selected]);
  return (
    <Page
      title={t("people")}
      actions={
        <Toolbar aria-label={t("actions")} className={styles.actions}>
          {may("person.create") && <Button icon={<AddRegular />} onClick={() => { go({ to: "/people/new" }); }}>{t("newPerson")}</Button>}
          {may("person.import") && <Button icon={<ArrowUploadRegular />} onClick={() => { go({ to: "/people/import" }); }}>{t("import")}</Button>}
          {may("person.set") && (
            <Button
              icon={<PeopleEditRegular />}
              disabled={selected.size === 0 && !filtered}
              onClick={() => {
                keepChosen([...selected]);
                go({ to: "/people/edit", ...(selected.size === 0 ? { search: { ...filters } } : {}) });
              }}
            >
              {selected.size > 0 ? t("editChosen", { count: count(selected.size) }) : t("editFound")}
            </Button>
          )}
          {may("person.move") && (
            <Button
              icon={<ArrowMoveRegular />}
              disabled={selected.size === 0}
              onClick={() => {
                keepChosen([...selected]);
                go({ to: "/moves/new" });
              }}
            >
              {t("moveChosen", { count: count(selected.size) })}
            </Button>
          )}
        </Toolbar>
      }
    >
      <div className={styles.filters} role="search">
        <Field label={t("findPeople")} className={styles.search}>
          <Typed value={filters.match ?? ""} onTyped={(match) => { change({ match: match === "" ? undefined : match }); }} />
        </Field>
        <HomeFilter value={filters.home ?? ""} onChoose={(home) => { change({ home: home === "" ? undefined : home }); }} />
        <Field label={t("person.group")}>
          <Typed value={filters.group ?? ""} onTyped={(group) => { change({ group: group === "" ? undefined : group }); }} />
        </Field>
        <Field label={t("person.state")}>
          <Select value={filters.enabled ?? ""} onChange={(_, { value }) => { change({ enabled: value === "" ? undefined : value }); }}>
            <option value="">{t("any")}</option>
            <option value="yes">{t("state.enabled")}</option>
            <option value="no">{t("state.disabled")}</option>
          </Select>
        </Field>
        <Field label={t("columns")}>
          <Dropdown
            multiselect
            selectedOptions={columns}
            value={t("columnsShown", { count: count(columns.length) })}
            onOptionSelect={(_, { selectedOptions }) => {
              localStorage.setItem(KEPT_COLUMNS, selectedOptions.join(","));
              setColumns(selectedOptions);
            }}
          >
            {COLUMNS.map(({ id, title }) => <Option key={id} value={id}>{title}</Option>)}
          </Dropdown>
        </Field>
        <Views
          of="people"
          present={new URLSearchParams(Object.entries(filters) as [string, string][]).toString()}
          onChoose={(kept) => { go({ to: "/people", search: Object.fromEntries(new URLSearchParams(kept)) }); }}
        />
      </div>
      <Text role="status">{people.total === undefined ? t("loading") : t("peopleFound", { count: count(people.total) })}</Text>
      <Fault error={people.error} />
      {people.total !== undefined && people.total > 0 && (
        <VirtualTable label={t("people")} columns={shown} total={people.total} at={people.at} keyOf={({ aor }) => aor} onRange={people.onRange} />
      )}
      <Command text={command(["user", "list"], { match: filters.match, home: filters.home, group: filters.group })} />
    </Page>
  );
}

function HomeFilter({ value, onChoose }: { value: string; onChoose: (home: string) => void }) {
  const homes = useHomes();
  return (
    <Field label={t("person.home")}>
      <Select value={value} onChange={(_, chosen) => { onChoose(chosen.value); }}>
        <option value="">{t("any")}</option>
        {homes.map((home) => <option key={home} value={home}>{home}</option>)}
      </Select>
    </Field>
  );
}

/** Tells what is typed once the typing rests. */
function Typed({ value, onTyped, ...rest }: { value: string; onTyped: (text: string) => void }) {
  const [text, setText] = useState(value);
  useEffect(() => {
    setText(value);
  }, [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => { onTyped(text.trim()); }, TYPING_MS);
    return () => { clearTimeout(timer); };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- what is typed alone begins the wait anew
  }, [text]);
  return <Input {...WORDS} type="search" autoComplete="off" value={text} onChange={(_, data) => { setText(data.value); }} {...rest} />;
}
