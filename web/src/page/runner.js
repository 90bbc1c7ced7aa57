// A run from Run to its end: passes what the engine sends to the pictures, and holds the engine where it is too far ahead.

import { byId } from "./dom.js";
import { areRows, readLines } from "./recorded.js";

/** The engine may be so many steps ahead of the playhead. */
const AHEAD = 30_000;

const CODES = {
  0: "done", 1: "pings were sent, no reply came", 2: "wrong options", 3: "an error in the script", 4: "a permission is missing",
  5: "an expectation of the script failed", 130: "stopped",
};

export class Runner {
  state = "idle";
  /** What the run wrote: its report, and files of the script. */
  report = null;
  written = [];
  #unread = 0;

  constructor(app, { prompt, onState }) {
    this.app = app;
    this.prompt = prompt;
    this.prompts = false;
    this.engine = null;
    this.onState = onState;
    app.player.onEnd = () => this.state !== "running";
    app.onMove = () => this.#read();
  }

  /** Runs a script, or a prompt: `{ script, text, files, args, seed, changes, asks, prompt }`; it is shown from the moment `from` on. */
  async start(what, from = 0) {
    if (this.state === "running") return;
    this.#begin("Running …", from);
    this.prompts = what.prompt === true;
    try {
      const ended = await this.engine.run(what, { asks: what.asks, onBatch: (batch) => this.#batch(batch), onAsk: () => this.#ask(), onReport: (report) => { this.report = report; } });
      this.written = ended.written;
      const time = ended.simulated_ns ? `${(ended.simulated_ns / 1e9).toFixed(2)} s of network, ` : "";
      this.#end(ended.error ?? `Ended: ${CODES[ended.code] ?? "ended"} (exit code ${ended.code}; ${time}${Math.round(ended.ms ?? performance.now() - this.began)} ms).`);
    } catch (error) {
      this.#end(error.message);
    }
  }

  /** Opens a run that was recorded. */
  async open(file) {
    if (this.state === "running") return;
    this.#begin(`Reading ${file.name} …`);
    let first = true;
    try {
      const whole = await readLines(file, async (lines) => {
        if (first && !areRows(lines)) throw new Error(`${file.name} has no rows of a run. Record one with: pingscript --json run.jsonl --frames SCRIPT`);
        first = false;
        this.app.run.addRows(lines);
        this.app.changed();
        await new Promise((resolve) => setTimeout(resolve));
      });
      const { head, unreadable } = this.app.run;
      const lines = unreadable > 0 ? ` ${unreadable} lines are no rows and were left out.` : "";
      this.#end(`Recorded run of ${head?.script ?? file.name}${head ? `, seed ${head.seed}` : ""}.${whole ? "" : " It is too large; its beginning is shown."}${lines}`);
    } catch (error) {
      this.#end(error.message);
    }
  }

  stop() {
    if (this.state !== "running") return;
    this.onState("Stopping …");
    this.app.output.endAsking();
    // What runs at the prompt is stopped; where nothing runs, the session ends.
    if (this.prompts && !this.prompt.waits) this.engine?.interrupt();
    else this.engine?.stop();
  }

  pause(held) {
    this.engine?.hold(held);
  }

  #begin(text, from = 0) {
    this.state = "running";
    this.began = performance.now();
    this.#unread = 0;
    this.report = null;
    this.written = [];
    this.app.clear();
    this.app.player.restart(from);
    this.onState(text);
  }

  #end(text) {
    this.state = "idle";
    this.prompts = false;
    this.prompt.end();
    this.app.run.finish();
    this.app.output.endAsking();
    this.app.refresh();
    this.onState(text);
  }

  #batch(batch) {
    const { run } = this.app;
    for (const { kind, texts } of batch) {
      if (kind === "rows") run.addRows(texts);
      else texts.forEach((text) => run.addOutput(kind, text));
    }
    this.#unread += 1;
    this.app.changed();
    this.#read();
  }

  /** Lets the engine go on, unless it is far ahead of the playhead. */
  #read() {
    const { player, timeline } = this.app;
    if (this.#unread === 0 || (player.speed.kind !== "end" && timeline.length - player.step > AHEAD)) return;
    this.engine?.read(this.#unread);
    this.#unread = 0;
  }

  async #ask() {
    const { prompts } = this;
    this.onState(prompts ? "The prompt waits for an entry, below the output." : "The script asks: reply below the output.");
    this.app.refresh();
    const line = await (prompts ? this.prompt : this.app.output).ask();
    if (this.state !== "running") return;
    if (line !== null) this.app.run.addOutput("stdout", `${prompts ? "> " : ""}${line.replace(/\n/g, "\n. ")}\n`);
    this.app.changed();
    this.engine.reply(line);
    this.onState("Running …");
    if (!prompts) byId("stop").focus();
  }
}
