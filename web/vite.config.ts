// Builds the application into the Python package that serves it (src/isthmus/pages/application.py).

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin, type Rolldown } from "vite";

const OUT = "../src/isthmus/pages/built";

/** Puts packed forms beside each file: what a site serves is packed once, and as tightly as it goes. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    writeBundle({ dir = OUT }) {
      for (const name of readdirSync(join(dir, "assets"))) {
        const path = join(dir, "assets", name);
        const text = readFileSync(path);
        writeFileSync(`${path}.gz`, gzipSync(text, { level: 9 }));
        writeFileSync(`${path}.br`, brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: text.length } }));
      }
    },
  };
}

// What each page is made of once somebody is signed in.
const MADE_OF: Readonly<Record<string, readonly string[]>> = {
  index: ["src/main.tsx", "src/calls/phone.ts"],
  console: ["src/console/main.tsx"],
};

/**
 * Writes each page a second time, for who comes back from signing in: with links by which the browser fetches all that it
 * will need at once, instead of finding out one file after another.
 */
function preloading(): Plugin {
  return {
    name: "preloading",
    apply: "build",
    writeBundle({ dir = OUT }, bundle) {
      const chunks = Object.values(bundle).filter((each): each is Rolldown.OutputChunk => each.type === "chunk");
      const withImports = (name: string, found: Set<string>): Set<string> => {
        if (found.has(name)) return found;
        found.add(name);
        for (const each of chunks.find(({ fileName }) => fileName === name)?.imports ?? []) withImports(each, found);
        return found;
      };
      for (const [page, sources] of Object.entries(MADE_OF)) {
        const needed = new Set<string>();
        for (const source of sources) {
          const chunk = chunks.find(({ facadeModuleId, moduleIds }) =>
            [facadeModuleId, ...moduleIds].some((id) => id?.endsWith(`/${source}`)));
          if (chunk === undefined) throw new Error(`${source} is in no file of the build`);
          withImports(chunk.fileName, needed);
        }
        const html = readFileSync(join(dir, `${page}.html`), "utf-8");
        const links = [...needed]
          .filter((name) => !html.includes(name))
          .map((name) => `    <link rel="modulepreload" crossorigin href="/phone/${name}">\n`);
        writeFileSync(join(dir, `${page}.callback.html`), html.replace("  </head>", `${links.join("")}  </head>`));
      }
    },
  };
}

export default defineConfig({
  base: "/phone/",
  plugins: [react(), packed(), preloading()],
  // The server puts a fresh one in its place with every page (content security policy).
  html: { cspNonce: "{nonce}" },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    manifest: "manifest.json",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1200,
    // Two pages of one application: what both need is in files of its own, and each loads nothing of the other's.
    rolldownOptions: {
      input: { phone: "index.html", console: "console.html", worker: "src/worker/worker.ts" },
      // The worker keeps its address: browsers look there for a newer one.
      output: { entryFileNames: ({ name }) => (name === "worker" ? "worker.js" : "assets/[name]-[hash].js") },
    },
  },
});
