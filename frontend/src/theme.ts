// Loaded as a blocking script in <head>: the stored theme applies before the first paint.
// A page's button[data-theme-toggle] goes through system, light and dark. Its attributes data-system,
// data-light and data-dark, when given, name each state in the page's language.
(() => {
  const storageKey = "geoscope-theme";
  const choices = ["system", "light", "dark"] as const;
  type Choice = (typeof choices)[number];
  const root = document.documentElement;

  function stored(): Choice {
    try {
      return choices.find((choice) => choice === localStorage.getItem(storageKey)) ?? "system";
    } catch {
      return "system"; // Storage can be forbidden; the choice then lasts as long as the page.
    }
  }

  function store(choice: Choice): void {
    try {
      localStorage.setItem(storageKey, choice);
    } catch {
      // See above.
    }
  }

  function apply(choice: Choice): void {
    root.dataset.themeChoice = choice;
    if (choice === "system") delete root.dataset.theme;
    else root.dataset.theme = choice;
  }

  function nameButtons(): void {
    const choice = root.dataset.themeChoice as Choice;
    for (const button of document.querySelectorAll<HTMLElement>("button[data-theme-toggle]")) {
      const name = button.dataset[choice];
      if (!name) continue;
      button.setAttribute("aria-label", name);
      button.title = name;
    }
  }

  function announce(): void {
    nameButtons();
    document.dispatchEvent(new CustomEvent("geo-theme", { detail: { choice: root.dataset.themeChoice } }));
  }

  apply(stored());
  document.addEventListener("DOMContentLoaded", nameButtons);
  document.addEventListener("click", (event) => {
    if (!(event.target instanceof Element && event.target.closest("button[data-theme-toggle]"))) return;
    const current = choices.indexOf(root.dataset.themeChoice as Choice);
    const next = choices[(current + 1) % choices.length] ?? "system";
    apply(next);
    store(next);
    announce();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);
  addEventListener("storage", (event) => {
    if (event.key !== storageKey) return;
    apply(stored());
    announce();
  });
})();
