// Where what is. Each page says what its address may hold beside its path: filters and what forms are filled with.

import { createRootRoute, createRoute, createRouter, lazyRouteComponent, type AnyRoute } from "@tanstack/react-router";
import { Callback } from "./Callback";
import { Frame, NotHere } from "./Frame";

/** Those of the named parameters that an address gives, as text; a number that was taken for one is text again. */
export function searchOf<Name extends string>(...names: Name[]) {
  return (raw: Record<string, unknown>): Partial<Record<Name, string>> =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = raw[name];
        const text = typeof value === "number" || typeof value === "boolean" ? String(value) : value;
        return typeof text === "string" && text !== "" ? [[name, text] as const] : [];
      }),
    ) as Partial<Record<Name, string>>;
}

const root = createRootRoute({});
const callback = createRoute({ getParentRoute: () => root, path: "/callback", component: Callback });
const frame = createRoute({ getParentRoute: () => root, id: "frame", component: Frame });
// Inside the frame, so that the way on is at hand.
const nowhere = createRoute({ getParentRoute: () => frame, path: "$", component: NotHere });

const page = (path: string, load: () => Promise<Record<string, unknown>>, name: string, ...search: string[]) =>
  createRoute({
    getParentRoute: () => frame,
    path,
    validateSearch: searchOf(...search),
    component: lazyRouteComponent(load as never, name as never),
  }) as unknown as AnyRoute;

const pages: AnyRoute[] = [
  page("/", () => import("./pages/HomePage"), "HomePage"),
  page("/setup", () => import("./pages/SetupPage"), "SetupPage"),
  page("/people", () => import("./pages/PeoplePage"), "PeoplePage", "match", "home", "group", "enabled"),
  page("/people/edit", () => import("./pages/BulkPage"), "BulkPage", "match", "home", "group", "enabled"),
  page("/people/new", () => import("./pages/NewPersonPage"), "NewPersonPage"),
  page("/people/$aor", () => import("./pages/PersonPage"), "PersonPage", "tab"),
  page("/moves", () => import("./pages/MovesPage"), "MovesPage"),
  page("/moves/new", () => import("./pages/NewMovePage"), "NewMovePage", "to", "group"),
  page("/moves/$id", () => import("./pages/MovePage"), "MovePage"),
  page("/calls", () => import("./pages/CallsPage"), "CallsPage", "who", "site", "trunk", "code", "answered", "since", "until"),
  page("/calls/explain", () => import("./pages/ExplainPage"), "ExplainPage", "from", "to", "at", "when", "down", "failed", "phone"),
  page("/calls/reaching", () => import("./pages/ReachingPage"), "ReachingPage", "to"),
  page("/calls/$id", () => import("./pages/CallPage"), "CallPage"),
  page("/numbers", () => import("./pages/NumbersPage"), "NumbersPage", "state", "country", "pattern"),
  page("/numbers/$number", () => import("./pages/NumbersPage"), "NumberPage"),
  page("/numbers/ranges/$range", () => import("./pages/Ranges"), "RangePage"),
  page("/trunks", () => import("./pages/TrunksPage"), "TrunksPage"),
  page("/certificates", () => import("./pages/TrunksPage"), "CertificatesPage"),
  page("/routes", () => import("./pages/RoutesPage"), "RoutesPage"),
  page("/routes/new", () => import("./pages/RoutesPage"), "NewRoutePage"),
  page("/routes/$name", () => import("./pages/RoutesPage"), "RoutePage"),
  page("/locations", () => import("./pages/LocationsPage"), "LocationsPage"),
  page("/locations/$place", () => import("./pages/LocationsPage"), "LocationPage"),
  page("/alerts", () => import("./pages/AlertsPage"), "AlertsPage", "state", "subject"),
  page("/alerts/$id", () => import("./pages/AlertsPage"), "AlertPage"),
  page("/policies", () => import("./pages/PoliciesPage"), "PoliciesPage", "kind"),
  page("/policies/$kind/$name", () => import("./pages/PoliciesPage"), "PolicyPage"),
  page("/plans", () => import("./pages/PlansPage"), "PlansPage", "month"),
  page("/plans/$plan", () => import("./pages/PlanPage"), "PlanPage", "match"),
  page("/tenants", () => import("./pages/TenantsPage"), "TenantsPage"),
  page("/tenants/$name", () => import("./pages/TenantsPage"), "TenantPage"),
  page("/roles", () => import("./pages/RolesPage"), "RolesPage"),
  page("/roles/$name", () => import("./pages/RolesPage"), "RolePage", "tenant"),
  page("/sync", () => import("./pages/SyncPage"), "SyncPage"),
  page("/audit", () => import("./pages/AuditPage"), "AuditPage", "actor", "action", "object", "text", "since", "until"),
  page("/audit/$id", () => import("./pages/AuditPage"), "AuditEntryPage"),
  page("/people/import", () => import("./pages/ImportPage"), "ImportPage"),
];

export const router = createRouter({
  routeTree: root.addChildren([callback, frame.addChildren([...pages, nowhere])]),
  basepath: "/console",
  // Addresses are read and written by people: text stands in them as it is.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const given = Object.entries(search).filter((pair): pair is [string, string] => typeof pair[1] === "string");
    const text = new URLSearchParams(given).toString();
    return text === "" ? "" : `?${text}`;
  },
});
