// The live page: asks for the figures once a second, shows them, remembers the last ten minutes.

import { drawChart } from "./chart.js";
import { ago, clock, count, measure, percent, rate, tick } from "./format.js";

const EVERY = 1000; // milliseconds between two questions
const PATIENCE = 3000; // milliseconds to wait for an answer
const MEMORY = 600; // seconds remembered

const samples = []; // what the charts, rates and trends are made of, oldest first
let latest = null; // the last answer
let trouble = ""; // why there is no newer one
let timer = 0;

const now = () => performance.now() / 1000; // a clock that nobody sets
const by = (id) => document.getElementById(id);
const sum = (values) => values.reduce((total, value) => total + value, 0);

// Both leave alone what has not changed, so that a selection survives and readers are not told.
function say(id, text) {
  if (by(id).textContent !== text) by(id).textContent = text;
}

function colour(id, name) {
  const list = by(id).classList;
  if (list.contains(name)) return;
  list.remove("good", "warn", "bad");
  if (name) list.add(name);
}

async function poll() {
  clearTimeout(timer);
  let figures = null;
  try {
    const answer = await fetch("api/state", { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.ok) figures = await answer.json();
    trouble = answer.ok ? "" : `answers with error ${answer.status}`;
  } catch {
    trouble = "no answer";
  }
  timer = setTimeout(poll, EVERY);
  if (figures) {
    remember(figures);
    latest = figures;
    show(figures);
  }
  showStatus();
}

function remember(figures) {
  const { events, labels } = figures;
  const drifts = sum(figures.drifts.map((detector) => detector.count));
  const last = samples.at(-1);
  if (last && (events < last.events || drifts < last.drifts)) samples.length = 0; // a new process
  samples.push({
    t: now(),
    events,
    labels,
    drifts,
    lag: sum(Object.values(figures.lag)),
    error: figures.faded.error,
    loss: figures.faded.log_loss,
  });
  while (samples[0].t < now() - MEMORY) samples.shift();
}

function show(figures) {
  showBehind(figures);
  showDrift(figures);
  showRight(figures);
  showFlow(figures);
  showTables(figures);
  const drifts = samples.filter((s, i) => i && s.drifts > samples[i - 1].drifts).map((s) => s.t);
  const frame = { now: now(), span: MEMORY, drifts };
  const series = (key) => samples.map((s) => [s.t, s[key]]);
  drawChart(by("error-chart"), "Faded error", series("error"), [percent, percent], frame);
  drawChart(by("loss-chart"), "Faded log-loss", series("loss"), [measure, tick], frame);
  say("error-now", percent(figures.faded.error));
  say("loss-now", measure(figures.faded.log_loss));
}

function showStatus() {
  const [word, name, answer, detail] = verdict();
  say("status", word);
  colour("status", name);
  say("alive", answer);
  say("alive-detail", detail);
  colour("card-alive", name);
  by("main").classList.toggle("stale", Boolean(trouble));
  document.title = `${word} – Streamgauge`;
  showAge();
}

function verdict() {
  if (trouble && !latest) return ["No answer", "bad", "Unknown", trouble];
  if (trouble) return ["Stale", "bad", "Unknown", `${trouble}; the figures shown are old`];
  if (!latest.alive) return ["Stalled", "bad", "No", "The loop has made no turn for a while."];
  const reason = latest.waiting_for;
  if (reason) return ["Waiting", "warn", "Yes, not ready", reason];
  return ["Ready", "good", "Yes, and ready", lastEvent()];
}

function lastEvent() {
  return latest.event_time === null ? "No events yet" : `Latest event ${clock(latest.event_time)}`;
}

function showAge() {
  const last = samples.at(-1);
  const age = last ? now() - last.t : 0;
  if (!last) say("age", "");
  else if (trouble) say("age", `last answer ${ago(age)} ago`);
  else say("age", age < 2 ? "updated now" : `updated ${ago(age)} ago`);
}

function showBehind({ lag }) {
  const parts = Object.entries(lag).sort((a, b) => b[1] - a[1]);
  const total = sum(Object.values(lag));
  const trend = lagTrend();
  const most = total ? `most in ${parts[0][0]}: ${count(parts[0][1])}` : "";
  say("behind", parts.length ? (total ? `${count(total)} ${total === 1 ? "record" : "records"}` : "No") : "–");
  say("behind-detail", parts.length ? [trend, most].filter(Boolean).join("; ") : "No partitions to read");
  colour("card-behind", trend === "Growing" ? "warn" : parts.length && !total ? "good" : "");
}

function lagTrend() {
  const mean = (from, to) => {
    const part = samples.filter((s) => s.t > now() - from && s.t <= now() - to);
    return part.length ? sum(part.map((s) => s.lag)) / part.length : NaN;
  };
  const [before, after] = [mean(40, 30), mean(10, 0)];
  if (Number.isNaN(before)) return "";
  if (Math.abs(after - before) <= Math.max(100, before / 10)) return "Steady";
  return after > before ? "Growing" : "Shrinking";
}

function showDrift({ drifts, recent_drifts, labels, event_time }) {
  const total = sum(drifts.map((detector) => detector.count));
  const last = Math.max(...drifts.map((detector) => detector.last ?? -Infinity));
  const fresh = samples.some((s, i) => i && s.drifts > samples[i - 1].drifts);
  const known = Number.isFinite(last);
  const none = drifts.length ? (labels ? "No" : "No labels yet") : "No detectors";
  say("drift", total ? `${count(total)} ${total === 1 ? "drift" : "drifts"}` : none);
  const newest = recent_drifts.find(({ level }) => level === "drift");
  const of = newest ? ` of ${newest.signal}` : "";
  say("drift-detail", known ? `Last${of} at ${clock(last)}, ${ago(event_time - last)} before the latest event` : "");
  colour("card-drift", fresh ? "warn" : none === "No" && !total ? "good" : "");
}

function noModel({ labels, positives }) {
  if (!labels) return { error: null, log_loss: null, roc_auc: null, average_precision: null };
  const p = positives / labels;
  const part = (q) => (q ? -q * Math.log(q) : 0);
  return { error: Math.min(p, 1 - p), log_loss: part(p) + part(1 - p), roc_auc: 0.5, average_precision: p };
}

function showRight(figures) {
  const { faded } = figures;
  const base = noModel(figures);
  const known = faded.error !== null;
  say("right", known ? `${percent(faded.error)} error` : "No labels yet");
  say(
    "right-detail",
    known
      ? `Log-loss ${measure(faded.log_loss)}. With no model: ${percent(base.error)} and ${measure(base.log_loss)}`
      : "",
  );
}

function perSecond(key) {
  const recent = samples.filter((s) => s.t > now() - 10);
  if (recent.length < 2) return null;
  const [first, last] = [recent[0], recent.at(-1)];
  return Math.max(0, last[key] - first[key]) / (last.t - first.t);
}

function showFlow(figures) {
  say("event-rate", rate(perSecond("events")));
  say("label-rate", rate(perSecond("labels")));
  for (const key of ["events", "labels", "alerts", "remembered"]) say(key, count(figures[key]));
  say("threshold", figures.threshold < 1 ? measure(figures.threshold) : "warm-up");
  say("learning-rate", measure(figures.learning_rate));
}

function showTables(figures) {
  const views = [
    ["All labels", figures.all],
    ["Faded", figures.faded],
    ["Recent", figures.recent],
    ["No model", noModel(figures)],
  ];
  fill("measures", views.map(([name, view]) => [
    name, percent(view.error), measure(view.log_loss), measure(view.roc_auc), measure(view.average_precision),
  ]));
  fill("detectors", figures.drifts.map((each) => [
    each.signal, each.detector, count(each.count), clock(each.last).replace(" UTC", ""),
  ]));
  const recent = figures.recent_drifts.slice(0, 8).map((each) => [
    clock(each.ts).replace(" UTC", ""), each.level === "none" ? "end of a trial" : `${each.level} of ${each.signal}`,
    `${measure(each.before)} → ${measure(each.after)}`, consequence(each),
  ]);
  fill("recent", recent.length ? recent : [["–", "none", "", ""]]);
  fill("cohorts", figures.cohorts.slice(0, 8).map((each) => [
    clock(each.start).replace(" UTC", ""), count(each.events), percent(each.coverage),
    ...["error", "precision", "recall"].flatMap((name) => [percent(each[`expected_${name}`]), percent(each[name])]),
  ]));
  const { error, recall } = figures.missed;
  say("missed", error === null ? "" : `Expected values have missed the truth by ${percent(error)} of the error and ${percent(recall)} of recall.`);
  const dead = Object.entries(figures.dead_letters).sort((a, b) => b[1] - a[1]);
  fill("dead", dead.length ? dead.map(([reason, n]) => [reason, count(n)]) : [["none", "0"]]);
  const most = Math.max(...figures.scores.map(([, n]) => n), 1);
  const length = (n) => Math.log1p(n) / Math.log1p(most);
  // Highest on top, as on the staff of a stream gauge.
  fill("scores", figures.scores.map(([to, n]) => [String(to), length(n), count(n)]).reverse());
}

function consequence({ moved, answer }) {
  if (answer) return [`${answer.arm}: ${answer.what}`, answer.done].filter(Boolean).join(", ");
  return (moved ?? []).map(({ feature }) => feature).join(", ");
}

const shown = new Map();

function fill(id, rows) {
  const key = JSON.stringify(rows);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  by(id).replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    line.append(...row.map(cell));
    return line;
  }));
}

// The first cell is the row's heading; a number is a bar.
function cell(value, place) {
  const made = document.createElement(place ? "td" : "th");
  if (!place) made.scope = "row";
  if (typeof value === "number") {
    const bar = document.createElement("div");
    bar.className = "bar";
    bar.style.width = `${100 * value}%`;
    made.append(bar);
  } else {
    made.textContent = value;
  }
  return made;
}

setInterval(showAge, EVERY);
// A browser polls seldom for a page in the background: catch up when it is looked at again.
document.addEventListener("visibilitychange", () => document.hidden || poll());
poll();
