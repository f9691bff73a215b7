import { createDOMRenderer, FluentProvider, makeStaticStyles, RendererProvider } from "@fluentui/react-components";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { direction, loadLanguage } from "../messages";
import { t } from "../messages/console";
import { Proving } from "./parts/Proving";
import { LookProvider, useTheme } from "./parts/look";
import { router } from "./router";

// The page's content policy takes styles with this nonce alone.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
const renderer = createDOMRenderer(document, { styleElementAttributes: { nonce } });
const queries = new QueryClient({ defaultOptions: { queries: { retry: 1, staleTime: 5_000 } } });

const useBase = makeStaticStyles({ body: { margin: 0 } });

function Base() {
  useBase();
  return null;
}

function Application() {
  return (
    <RendererProvider renderer={renderer} targetDocument={document}>
      <Base />
      <FluentProvider dir={direction} theme={useTheme()}>
        <QueryClientProvider client={queries}>
          <Proving>
            <RouterProvider router={router as never} />
          </Proving>
        </QueryClientProvider>
      </FluentProvider>
    </RendererProvider>
  );
}

void loadLanguage().then(() => {
  document.title = t("title");
  const root = document.getElementById("root");
  if (root) {
    createRoot(root).render(
      <StrictMode>
        <LookProvider>
          <Application />
        </LookProvider>
      </StrictMode>,
    );
  }
});
