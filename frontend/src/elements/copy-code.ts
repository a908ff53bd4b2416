import { labelOf } from "../labels.ts";

/**
 * `<copy-code><pre><code>…</code></pre></copy-code>`
 *
 * Adds a button that copies the text of the code, or of any one child without `<pre>`.
 */
class CopyCode extends HTMLElement {
  connectedCallback(): void {
    if (this.querySelector(":scope > button")) return;
    const button = document.createElement("button");
    const label = labelOf(this, "copy");
    button.type = "button";
    button.textContent = label;
    // The words on the button change after a click: screen readers hear them from here.
    button.setAttribute("aria-live", "polite");
    let back: number | undefined;
    button.addEventListener("click", async () => {
      const done = await copyText(this.codeText);
      button.textContent = labelOf(this, done ? "copied" : "copyFailed");
      this.toggleAttribute("data-copied", done);
      clearTimeout(back);
      back = window.setTimeout(() => {
        button.textContent = label;
        this.removeAttribute("data-copied");
      }, 2000);
    });
    this.append(button);
  }

  private get codeText(): string {
    const source = this.querySelector("pre, code") ?? this.firstElementChild;
    return source?.textContent?.trim() ?? "";
  }
}

/** Copies by the clipboard interface, or, on a page that came by plain HTTP, by the older command. */
async function copyText(text: string): Promise<boolean> {
  if (window.isSecureContext) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // The user or the browser refused: the command may still do.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.className = "visually-hidden";
  document.body.append(area);
  const focused = document.activeElement;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return done;
}

customElements.define("copy-code", CopyCode);
