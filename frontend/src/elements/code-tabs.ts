const storageKey = "geoscope-code-tab";

/**
 * `<code-tabs label="Code"><section><h3>Python</h3>…</section><section><h3>curl</h3>…</section></code-tabs>`
 *
 * Shows one section at a time under a row of tabs named by the sections' headings (WAI-ARIA tabs pattern, with
 * automatic activation). The chosen name is kept, so that a reader of Python sees Python on the next page too.
 */
class CodeTabs extends HTMLElement {
  private static count = 0;

  private tabs: HTMLButtonElement[] = [];
  private panels: HTMLElement[] = [];

  connectedCallback(): void {
    if (this.tabs.length > 0) return;
    this.panels = [...this.querySelectorAll<HTMLElement>(":scope > section")];
    if (this.panels.length < 2) return;
    const list = document.createElement("div");
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", this.getAttribute("label") ?? "");
    this.tabs = this.panels.map((panel) => this.makeTab(panel));
    list.append(...this.tabs);
    list.addEventListener("keydown", (event) => this.onKey(event));
    this.prepend(list);
    const kept = this.tabs.findIndex((tab) => tab.textContent === readKept());
    this.choose(Math.max(kept, 0));
  }

  private makeTab(panel: HTMLElement): HTMLButtonElement {
    const heading = panel.querySelector<HTMLElement>("h2, h3, h4, h5");
    const tab = document.createElement("button");
    tab.type = "button";
    tab.role = "tab";
    tab.id = `code-tab-${++CodeTabs.count}`;
    tab.textContent = heading?.textContent?.trim() ?? "";
    panel.id ||= `${tab.id}-panel`;
    tab.setAttribute("aria-controls", panel.id);
    panel.role = "tabpanel";
    panel.setAttribute("aria-labelledby", tab.id);
    if (heading) heading.hidden = true;
    tab.addEventListener("click", () => {
      this.choose(this.tabs.indexOf(tab));
      keep(tab.textContent);
    });
    return tab;
  }

  private choose(index: number): void {
    this.tabs.forEach((tab, position) => {
      tab.ariaSelected = String(position === index);
      tab.tabIndex = position === index ? 0 : -1;
    });
    this.panels.forEach((panel, position) => {
      panel.hidden = position !== index;
    });
  }

  private onKey(event: KeyboardEvent): void {
    const current = this.tabs.indexOf(document.activeElement as HTMLButtonElement);
    const last = this.tabs.length - 1;
    const moves: Record<string, number> = {
      ArrowRight: current === last ? 0 : current + 1,
      ArrowLeft: current === 0 ? last : current - 1,
      Home: 0,
      End: last,
    };
    const target = this.tabs[moves[event.key] ?? -1];
    if (!target) return;
    event.preventDefault();
    target.focus();
    target.click();
  }
}

function readKept(): string | null {
  try {
    return localStorage.getItem(storageKey);
  } catch {
    return null;
  }
}

function keep(name: string): void {
  try {
    localStorage.setItem(storageKey, name);
  } catch {
    // Storage can be forbidden: then nothing is kept.
  }
}

customElements.define("code-tabs", CodeTabs);
