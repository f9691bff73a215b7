// What the navigation leads to: what there is, and what who is signed in may see.

import { ArrowMoveRegular } from "@fluentui/react-icons/svg/arrow-move";
import { ArrowRoutingRegular } from "@fluentui/react-icons/svg/arrow-routing";
import { CallRegular } from "@fluentui/react-icons/svg/call";
import { DocumentSearchRegular } from "@fluentui/react-icons/svg/document-search";
import { HomeRegular } from "@fluentui/react-icons/svg/home";
import { PeopleRegular } from "@fluentui/react-icons/svg/people";
import { NumberSymbolRegular } from "@fluentui/react-icons/svg/number-symbol";
import { PlugConnectedRegular } from "@fluentui/react-icons/svg/plug-connected";
import { BranchForkRegular } from "@fluentui/react-icons/svg/branch-fork";
import { LocationRegular } from "@fluentui/react-icons/svg/location";
import { AlertRegular } from "@fluentui/react-icons/svg/alert";
import { ShieldRegular } from "@fluentui/react-icons/svg/shield";
import { ArrowSyncRegular } from "@fluentui/react-icons/svg/arrow-sync";
import { CertificateRegular } from "@fluentui/react-icons/svg/certificate";
import { BuildingRegular } from "@fluentui/react-icons/svg/building";
import { TaskListLtrRegular } from "@fluentui/react-icons/svg/task-list-ltr";
import { PersonKeyRegular } from "@fluentui/react-icons/svg/person-key";
import { WalletRegular } from "@fluentui/react-icons/svg/wallet";
import type { ComponentType } from "react";
import type { ConsoleKey } from "../messages/console.en";

interface Place {
  to: string;
  text: ConsoleKey;
  Icon: ComponentType;
  /** The permission without which the page would be empty. */
  needs: string;
}

export const PLACES: Place[] = [
  { to: "/", text: "nav.home", Icon: HomeRegular, needs: "site.read" },
  { to: "/people", text: "nav.people", Icon: PeopleRegular, needs: "person.read" },
  { to: "/moves", text: "nav.moves", Icon: ArrowMoveRegular, needs: "move.read" },
  { to: "/calls", text: "nav.calls", Icon: CallRegular, needs: "call.read" },
  { to: "/calls/explain", text: "nav.explain", Icon: ArrowRoutingRegular, needs: "call.read" },
  { to: "/numbers", text: "nav.numbers", Icon: NumberSymbolRegular, needs: "number.read" },
  { to: "/trunks", text: "nav.trunks", Icon: PlugConnectedRegular, needs: "site.read" },
  { to: "/routes", text: "nav.routes", Icon: BranchForkRegular, needs: "route.read" },
  { to: "/locations", text: "nav.locations", Icon: LocationRegular, needs: "location.read" },
  { to: "/alerts", text: "nav.alerts", Icon: AlertRegular, needs: "activity.read" },
  { to: "/policies", text: "nav.policies", Icon: ShieldRegular, needs: "policy.read" },
  { to: "/plans", text: "nav.plans", Icon: WalletRegular, needs: "plan.read" },
  { to: "/sync", text: "nav.sync", Icon: ArrowSyncRegular, needs: "directory.read" },
  { to: "/audit", text: "nav.audit", Icon: DocumentSearchRegular, needs: "audit.read" },
  { to: "/certificates", text: "nav.certificates", Icon: CertificateRegular, needs: "site.read" },
  { to: "/tenants", text: "nav.tenants", Icon: BuildingRegular, needs: "tenant.read" },
  { to: "/setup", text: "nav.setup", Icon: TaskListLtrRegular, needs: "site.read" },
  { to: "/roles", text: "nav.roles", Icon: PersonKeyRegular, needs: "role.read" },
];
