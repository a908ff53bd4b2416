/** A page in English, for what reads the page's language. */
Object.assign(globalThis, { document: { documentElement: { lang: "en" }, getElementById: () => null } });
