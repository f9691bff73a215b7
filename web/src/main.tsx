import { createDOMRenderer, FluentProvider, makeStaticStyles, RendererProvider, webDarkTheme, webLightTheme } from "@fluentui/react-components";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode, useSyncExternalStore } from "react";
import { createRoot } from "react-dom/client";
import { direction, loadLanguage, say } from "./messages";
import { router } from "./router";

const dark = matchMedia("(prefers-color-scheme: dark)");

function useDark(): boolean {
  return useSyncExternalStore(
    (changed) => {
      dark.addEventListener("change", changed);
      return () => { dark.removeEventListener("change", changed); };
    },
    () => dark.matches,
  );
}

// The page's content policy takes styles with this nonce alone.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
const renderer = createDOMRenderer(document, { styleElementAttributes: { nonce } });
const queries = new QueryClient({ defaultOptions: { queries: { retry: 1, staleTime: 10_000 } } });

// Or what is around the page has another colour where it is dark.
const useBase = makeStaticStyles({ body: { margin: 0 } });

function Base() {
  useBase();
  return null;
}

function Application() {
  return (
    <RendererProvider renderer={renderer} targetDocument={document}>
      <Base />
      <FluentProvider dir={direction} theme={useDark() ? webDarkTheme : webLightTheme}>
        <QueryClientProvider client={queries}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </FluentProvider>
    </RendererProvider>
  );
}

void loadLanguage().then(() => {
  document.title = say("title");
  const root = document.getElementById("root");
  if (root) {
    createRoot(root).render(
      <StrictMode>
        <Application />
      </StrictMode>,
    );
  }
});
