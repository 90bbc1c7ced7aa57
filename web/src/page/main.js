// The page: puts its parts together. Nothing runs before Run is pressed.

import { App } from "./app.js";
import { announce, byId, clean, debounced, download, el } from "./dom.js";
import { Editor } from "./editor.js";
import { loadEngine } from "./engine.js";
import { card, valued } from "./lesson.js";
import { Links } from "./links.js";
import { declared, fields, line, words } from "./options.js";
import { SPEEDS } from "./player.js";
import { Prompt } from "./prompt.js";
import { fetched } from "./recorded.js";
import { Runner } from "./runner.js";
import { Library } from "./session.js";
import { fromFragment, toFragment } from "./share.js";
import { pictureOf } from "./picture.js";

const FIRST = "udp_ping";
/** More options than these are shown when asked for. */
const FEW = 6;
const EMPTY = "// Write a script, or choose one above.\nprint(\"hello\");\n";

const POLICY = `//! Drops every third packet of a flow.
|pkt| if pkt.number % 3 == 0 { drop() } else { pass() }
`;

const app = new App();
const prompt = new Prompt(byId("prompt-box"), { complete: (text, offset) => runner.engine.complete(text, offset).catch(() => []) });
const runner = new Runner(app, { prompt, onState: showState });
const links = new Links(byId("links-box"), app, { onChange: (at) => repeat(at) });
let library = new Library([]);
let main = "script.rhai";
/** Whether Run was pressed for these scripts, and whether there is a run to explain. */
let ran = false;
let explains = false;
let prediction = "";
let described = "";
let unsaved = false;
/** The end of the run, as a promise. */
let ended = null;

const editor = new Editor({
  root: byId("editor"), tabs: byId("tabs"), problems: byId("problems"),
  language: {
    check: async (name, text) => (runner.engine ? runner.engine.check(name, text).catch(() => []) : []),
    complete: async (text, offset) => (runner.engine ? runner.engine.complete(text, offset).catch(() => []) : []),
    hover: async (text, offset) => (runner.engine ? runner.engine.hover(text, offset).catch(() => null) : null),
  },
  onEdit: debounced((name) => edited(name), 400),
});
app.editor = editor;

/** Opens the scripts of a run; nothing of it runs yet. */
function open(script, files, changes = []) {
  main = script;
  unsaved = false;
  ran = false;
  explains = false;
  prediction = "";
  app.clear();
  links.set(changes);
  editor.open({ [script]: files[script], ...files });
  byId("asks").checked = /\bpredict\(/.test(files[script]);
  describe();
}

/** Shows options, lesson and command line of the script as it is now. */
function describe() {
  const text = editor.texts[main] ?? "";
  const options = declared(text);
  byId("options-box").hidden = options.length === 0;
  if (main !== described) byId("options-box").open = options.length <= FEW;
  described = main;
  byId("options").replaceChildren(...fields(options, byId("args"), () => optionChanged()));
  drawLesson();
}

function drawLesson() {
  const args = words(byId("args").value);
  const text = editor.texts[main] ?? "";
  byId("lesson").replaceChildren(...card(text, valued(text, args), { explains, prediction, onPredict: (said) => { prediction = said; } }));
  byId("lesson").hidden = !text.startsWith("//!");
  byId("command").textContent = ["pingscript --simulate --seed", byId("seed").value || "7", ...links.changes.map((change) => `--change '${change}'`), nativeName(), line(args)].filter(Boolean).join(" ");
}

/** How the script is named in a terminal: a shipped one that was not edited by its name, another one as a file. */
function nativeName() {
  const shipped = library.find(main);
  return shipped?.text === editor.texts[main] ? shipped.name : main.split("/").pop();
}

function edited(name) {
  unsaved = true;
  editor.add(library.named(editor.texts[name] ?? ""));
  if (name === main) describe();
  else drawLesson();
}

/** Opens a policy in a script of its own. */
function addPolicy() {
  const names = new Set(Object.keys(editor.texts));
  let name = "policy.rhai";
  for (let number = 2; names.has(name); number += 1) name = `policy${number}.rhai`;
  editor.add({ [name]: POLICY });
  editor.show(name);
  showState(`Use it with --policy ./${name}, where a script has that option, or in a script: policy("./${name}")`);
}

function optionChanged() {
  drawLesson();
  if (ran && byId("again").checked && runner.state === "idle") run();
}

/** What is run: scripts that were edited as texts, the shipped ones as they are come from the engine, which names them as everywhere. */
function job() {
  const edited = Object.entries(editor.texts).filter(([name, text]) => library.find(name)?.text !== text);
  const { [main]: text, ...files } = Object.fromEntries(edited);
  const script = text === undefined ? library.find(main).name : main;
  return { script, text, files, args: words(byId("args").value), seed: Number(byId("seed").value.trim()), changes: links.changes };
}

/** Whether the seed is one, which is said. */
function hasSeed() {
  const seed = byId("seed").value.trim();
  if (!/^\d{1,19}$/.test(seed)) {
    showState("The seed is a whole number, 0 or more.");
    byId("seed").focus();
    return false;
  }
  return true;
}

/** Runs the script, and shows the run from the moment `from` on. */
function run(from = 0) {
  if (!runner.engine || !hasSeed()) return;
  ran = true;
  explains = false;
  ended = runner.start({ ...job(), asks: byId("asks").checked }, from).then(() => {
    explains = true;
    drawLesson();
  });
  drawLesson();
}

/** Runs the script again, with links that were changed. */
async function repeat(from) {
  drawLesson();
  if (runner.prompts) return;
  runner.stop();
  await ended;
  run(from);
}

/** Opens a prompt, where the scripts of the tabs can be loaded. */
function openPrompt() {
  if (!runner.engine || !hasSeed()) return;
  const { script, text, files, ...rest } = job();
  prompt.restart();
  runner.start({ ...rest, script: "", args: [], files: text === undefined ? files : { ...files, [main]: text }, asks: true, prompt: true });
}

function showState(text) {
  if (text) byId("state").textContent = text;
  const running = runner.state === "running";
  const { player, timeline } = app;
  byId("run").disabled = running || !runner.engine;
  byId("prompt").disabled = byId("run").disabled;
  byId("stop").disabled = !running;
  byId("pause").disabled = !running && timeline.length === 0;
  byId("pause").textContent = player.playing ? "Pause" : player.atEnd && !running ? "Play again" : "Continue";
  byId("save-report").disabled = !runner.report;
  byId("written").replaceChildren(...runner.written.map(([path, bytes]) => el("button", {
    type: "button", onclick: () => download(path.split("/").pop(), "application/octet-stream", bytes),
  }, `${clean(path)}, written by the run`)));
  byId("step").disabled = !running && timeline.length === 0;
}

function pause() {
  const { player } = app;
  if (player.playing) player.pause();
  else {
    if (player.atEnd) player.seek(0);
    player.play();
  }
  runner.pause(!player.playing);
}

/** On to the next event: a packet leaves, arrives or is lost. */
function step() {
  const { player, timeline } = app;
  player.pause();
  if (player.atEnd) player.seek(0);
  player.seek(timeline.next(player.step));
  const at = player.step;
  const frame = app.run.frames.list.find((one) => one.u0 === at) ?? app.run.frames.list.find((one) => one.u1 === at);
  if (frame) app.selection.choose("frame", frame);
}

async function share() {
  const fragment = await toFragment({ script: main, files: editor.texts, args: byId("args").value, seed: byId("seed").value, changes: links.changes });
  history.replaceState(null, "", fragment);
  unsaved = false;
  byId("shared").hidden = false;
  byId("link").value = location.href;
  byId("link").select();
  announce("The link to this run is in the field. Nothing was sent anywhere.");
}

async function copy() {
  byId("link").select();
  try {
    await navigator.clipboard.writeText(byId("link").value);
    showState("The link was copied.");
  } catch {
    showState("The browser does not let the page copy: press Ctrl-C.");
  }
}

/** What the address asks for, or the first script. */
async function openAddressed() {
  try {
    const asked = await fromFragment(location.hash);
    if (asked?.recorded) {
      open("script.rhai", { "script.rhai": EMPTY });
      banner("");
      await openRecorded(asked.recorded);
      return;
    }
    const files = asked?.files ?? library.filesOf(asked?.script ?? FIRST) ?? (asked ? null : { "script.rhai": EMPTY });
    if (!files) throw new Error(`No script ${asked.script} came with this page.`);
    document.body.classList.toggle("embed", asked?.view === "embed");
    if (asked) {
      byId("args").value = asked.args;
      byId("seed").value = /^\d{1,19}$/.test(asked.seed) ? asked.seed : "7";
    }
    open(asked?.files ? asked.script : Object.keys(files)[0], files, asked?.changes);
    banner(asked?.files ? "These scripts came with the link. Nothing of them has run yet: read them, then press Run." : "");
  } catch (error) {
    const files = library.filesOf(FIRST) ?? { "script.rhai": EMPTY };
    open(Object.keys(files)[0], files);
    banner(error.message);
  }
  const shipped = library.find(main);
  byId("library").value = shipped && `${shipped.name}.rhai` === main ? shipped.name : "";
}

function banner(text) {
  byId("banner").textContent = text;
  byId("banner").hidden = text === "";
}

function choose(name) {
  const files = library.filesOf(name);
  if (!files) return;
  byId("args").value = "";
  banner("");
  byId("shared").hidden = true;
  history.replaceState(null, "", location.pathname + location.search);
  open(Object.keys(files)[0], files);
}

async function openRun(file) {
  await runner.open(file);
  // The shipped scripts of that run, so that its lines can be looked up.
  const { head } = app.run;
  const entry = library.find(head?.script ?? "");
  if (!entry) return;
  main = `${entry.name}.rhai`;
  ran = false;
  explains = true;
  editor.open(library.filesOf(entry.name));
  byId("library").value = entry.name;
  byId("args").value = line(head.args);
  byId("seed").value = head.seed;
  describe();
  app.markLines();
}

/** Offers recorded runs that lie beside the page, and opens the first one. */
async function openRecorded(names) {
  const list = byId("recorded");
  list.replaceChildren(...names.map((name) => el("option", {}, name)));
  list.parentElement.hidden = names.length < 2;
  const show = async () => openRun(await fetched(list.value));
  list.onchange = () => show().catch((error) => banner(error.message));
  await list.onchange();
}

async function openFile(file) {
  if (!file) return;
  if (!file.name.endsWith(".rhai")) {
    await openRun(file);
    return;
  }
  const text = await file.text();
  open(file.name, { [file.name]: text, ...library.named(text) });
}

function listen() {
  byId("speed").append(...SPEEDS.map(({ name }, at) => el("option", { value: at }, name)));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  app.player.speed = SPEEDS[still ? 0 : 2];
  byId("speed").value = still ? 0 : 2;
  byId("speed").addEventListener("change", (event) => { app.player.speed = SPEEDS[event.target.value]; });
  app.onState = () => showState();
  app.onRefresh = () => links.update();
  byId("run").addEventListener("click", () => run());
  byId("prompt").addEventListener("click", openPrompt);
  byId("pause").addEventListener("click", pause);
  byId("step").addEventListener("click", step);
  byId("stop").addEventListener("click", () => runner.stop());
  byId("add").addEventListener("click", addPolicy);
  byId("share").addEventListener("click", share);
  byId("copy").addEventListener("click", copy);
  byId("library").addEventListener("change", (event) => choose(event.target.value));
  byId("args").addEventListener("input", debounced(describe, 300));
  byId("seed").addEventListener("input", drawLesson);
  byId("open").addEventListener("change", (event) => openFile(event.target.files[0]));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    openFile(event.dataTransfer.files[0]);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) run();
  });
  window.addEventListener("hashchange", openAddressed);
  // What was edited is nowhere else.
  window.addEventListener("beforeunload", (event) => unsaved && event.preventDefault());
  const saves = {
    "save-script": () => download(main.split("/").pop(), "text/plain", editor.texts[main]),
    "save-rows": () => download("run.jsonl", "application/x-ndjson", app.run.rows.list.map((row) => `${row}\n`).join("")),
    "save-report": () => download("report.html", "text/html", runner.report),
    "save-topology": () => download("network.svg", "image/svg+xml", pictureOf(byId("topology"))),
    "save-ladder": () => download("ladder.svg", "image/svg+xml", pictureOf(app.ladder.picture)),
    "save-chart": () => download("round-trips.svg", "image/svg+xml", pictureOf(app.chart.picture)),
  };
  for (const [id, save] of Object.entries(saves)) {
    byId(id).addEventListener("click", () => {
      save();
      byId("downloads").open = false;
    });
  }
}

async function start() {
  listen();
  try {
    runner.engine = await loadEngine();
    library = new Library(await runner.engine.library());
    const groups = library.groups.map(([title, names]) => el("optgroup", { label: title }, ...names.map((name) => el("option", { value: name }, name))));
    byId("library").replaceChildren(el("option", { value: "", hidden: true }, "(not a shipped one)"), ...groups);
    showState(`Ready. Press Run, or Ctrl+Enter. pingscript ${runner.engine.version}`);
  } catch (error) {
    showState(`Scripts cannot run here: ${error.message} A recorded run can be opened.`);
  }
  await openAddressed();
  document.documentElement.dataset.ready = "true";
}

start();
