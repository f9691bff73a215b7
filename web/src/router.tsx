import { createRootRoute, createRoute, createRouter, Outlet } from "@tanstack/react-router";
import { CallbackPage } from "./pages/CallbackPage";
import { PhonePage } from "./pages/PhonePage";

const root = createRootRoute({ component: Outlet, notFoundComponent: PhonePage });
const phone = createRoute({ getParentRoute: () => root, path: "/", component: PhonePage });
const callback = createRoute({ getParentRoute: () => root, path: "/callback", component: CallbackPage });

export const router = createRouter({ routeTree: root.addChildren([phone, callback]), basepath: "/phone" });

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
