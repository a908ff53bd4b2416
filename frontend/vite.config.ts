import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

// Templates name main.js, main.css and theme.js; everything else carries a hash and is found from there.
const entries = { main: "src/main.ts", theme: "src/theme.ts" };

/** The fonts' licence asks to come along; Vite lists those of scripts only. */
const fontLicences: Plugin = {
  name: "font-licences",
  generateBundle() {
    const packages = ["@fontsource-variable/ibm-plex-sans", "@fontsource/ibm-plex-mono"];
    const texts = packages.map((name) => readFileSync(`node_modules/${name}/LICENSE`, "utf8"));
    this.emitFile({ type: "asset", fileName: "font-licences.txt", source: texts.join("\n\n") });
  },
};

export default defineConfig({
  plugins: [fontLicences],
  base: "/static/built/",
  publicDir: false,
  build: {
    outDir: "../src/geoscope/portal/static/built",
    emptyOutDir: true,
    target: "es2022",
    // Browsers that know light-dark(): below these the styles would be rewritten, and themes with them.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    license: { fileName: "licences.md" },
    modulePreload: { polyfill: false },
    // maplibre-gl is one module of 1.1 MB, loaded only by pages with a map.
    chunkSizeWarningLimit: 1200,
    rolldownOptions: {
      input: entries,
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "assets/[name]-[hash].js",
        assetFileNames: ({ names }) => {
          const name = names[0] ?? "";
          if (name === "main.css") return name;
          // Some servers do not know .mjs as script, and browsers refuse a worker of another type.
          return name.endsWith(".mjs") ? "assets/[name]-[hash].js" : "assets/[name]-[hash][extname]";
        },
      },
    },
  },
});
