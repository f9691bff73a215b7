// What the navigation leads to: what there is, and what who is signed in may see.

import { ArrowMoveRegular } from "@fluentui/react-icons/svg/arrow-move";
import { ArrowRoutingRegular } from "@fluentui/react-icons/svg/arrow-routing";
import { CallRegular } from "@fluentui/react-icons/svg/call";
import { DocumentSearchRegular } from "@fluentui/react-icons/svg/document-search";
import { HomeRegular } from "@fluentui/react-icons/svg/home";
import { PeopleRegular } from "@fluentui/react-icons/svg/people";
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
  { to: "/audit", text: "nav.audit", Icon: DocumentSearchRegular, needs: "audit.read" },
];
