import { Button } from "@fluentui/react-components";
import { ArrowMoveRegular } from "@fluentui/react-icons/svg/arrow-move";
import { useQuery } from "@tanstack/react-query";
import { api, told } from "../../api/client";
import { t } from "../../messages/console";
import { count, moment } from "../parts/format";
import { Go, useGo } from "../parts/Go";
import { Command, Loading, Page } from "../parts/Page";
import { State } from "../parts/State";
import { ShortTable } from "../parts/Table";
import { useMay } from "../session";

export function MovesPage() {
  const go = useGo();
  const may = useMay();
  const moves = useQuery({
    queryKey: ["moves"],
    refetchInterval: 3_000,
    queryFn: async () => told(await api.GET("/v1/moves", { params: { query: { limit: 200 } } })),
  });
  return (
    <Page
      title={t("moves")}
      actions={
        may("person.move") && (
          <Button icon={<ArrowMoveRegular />} appearance="primary" onClick={() => { go({ to: "/moves/new" }); }}>
            {t("newMove")}
          </Button>
        )
      }
    >
      <Loading of={[moves]} />
      <ShortTable
        label={t("moves")}
        none={t("noMoves")}
        rows={moves.data}
        keyOf={({ id }) => id}
        columns={[
          { id: "id", title: t("batch"), show: ({ id }) => <Go to="/moves/$id" params={{ id }}>{id}</Go> },
          { id: "to", title: t("to"), show: ({ to }) => to },
          { id: "state", title: t("person.state"), show: ({ state }) => <State of={state} /> },
          { id: "moved", title: t("movedOf"), show: ({ moved, total }) => `${count(moved)} / ${count(total)}` },
          { id: "not", title: t("notMoved"), show: ({ not_moved }) => count(not_moved) },
          { id: "created", title: t("when"), show: ({ created, begins }) => (begins === null ? moment(created) : t("beginsAt", { moment: moment(begins) })) },
          { id: "actor", title: t("who"), show: ({ actor }) => actor },
        ]}
      />
      <Command text="isthmus move list" />
    </Page>
  );
}
