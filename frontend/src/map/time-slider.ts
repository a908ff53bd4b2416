import { icon } from "../icons.ts";
import { labelOf } from "../labels.ts";
import { timeFormatter } from "../times.ts";

const slowestStep = 4000;
const fastestStep = 400;

export interface TimeSliderOptions {
  owner: Element;
  times: readonly string[];
  start: number;
  /** Shows a time; the promise ends when it can be seen. */
  show: (time: string) => Promise<void>;
}

/** A slider over the times of a layer, with a button that plays through them. */
export class TimeSlider {
  readonly element = document.createElement("div");
  private readonly button = document.createElement("button");
  private readonly range = document.createElement("input");
  private readonly output = document.createElement("output");
  private readonly write: (time: string) => string;
  private playing = false;

  constructor(private readonly options: TimeSliderOptions) {
    const { owner, times, start } = options;
    this.write = timeFormatter(times);
    this.element.className = "geo-time";
    this.element.role = "group";
    this.element.setAttribute("aria-label", labelOf(owner, "time"));
    this.button.type = "button";
    this.button.addEventListener("click", () => (this.playing ? this.pause() : void this.play()));
    this.range.type = "range";
    this.range.min = "0";
    this.range.max = String(times.length - 1);
    this.range.value = String(start);
    this.range.setAttribute("aria-label", labelOf(owner, "time"));
    this.range.addEventListener("input", () => {
      this.pause();
      this.nameTime();
    });
    // Pictures come when the hand rests: a drag over 240 times asks for one or two, not for all.
    this.range.addEventListener(
      "input",
      debounced(150, () => void this.options.show(this.time)),
    );
    this.element.append(this.button, this.range, this.output);
    this.nameButton();
    this.nameTime();
  }

  get time(): string {
    return this.options.times[this.range.valueAsNumber] ?? "";
  }

  pause(): void {
    this.playing = false;
    this.nameButton();
  }

  private async play(): Promise<void> {
    this.playing = true;
    this.nameButton();
    while (this.playing && this.element.isConnected) {
      const next = (this.range.valueAsNumber + 1) % this.options.times.length;
      this.range.value = String(next);
      this.nameTime();
      await Promise.all([wait(fastestStep), Promise.race([this.options.show(this.time), wait(slowestStep)])]);
    }
  }

  private nameButton(): void {
    const label = labelOf(this.options.owner, this.playing ? "pause" : "play");
    this.button.replaceChildren(icon(this.playing ? "pause" : "play"));
    this.button.title = label;
    this.button.setAttribute("aria-label", label);
  }

  private nameTime(): void {
    const written = this.write(this.time);
    this.output.textContent = written;
    this.range.setAttribute("aria-valuetext", written);
  }
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function debounced(milliseconds: number, act: () => void): () => void {
  let timer: number | undefined;
  return () => {
    clearTimeout(timer);
    timer = window.setTimeout(act, milliseconds);
  };
}
