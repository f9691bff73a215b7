// Builds the application into the Python package that serves it (src/isthmus/pages/application.py).

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const OUT = "../src/isthmus/pages/built";

/** Puts a gzip form beside each file: what a site serves is packed once, and as tightly as it goes. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    writeBundle({ dir = OUT }) {
      for (const name of readdirSync(join(dir, "assets"))) {
        const path = join(dir, "assets", name);
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: "/phone/",
  plugins: [react(), packed()],
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
