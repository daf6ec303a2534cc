// The live page: gets the figures once a second, shows them, remembers the last ten minutes.

import { drawChart, legend } from "./chart.js";
import { ago, clock, count, measure, percent, rate, tick } from "./format.js";

const EVERY = 1000; // milliseconds between two messages
const PATIENCE = 3000; // milliseconds to wait for one
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

let source = null;

// A stream that breaks off, and one that falls silent, is begun anew until it works.
function connect() {
  source?.close();
  source = new EventSource("api/stream");
  source.onmessage = ({ data }) => {
    expect();
    trouble = "";
    const figures = JSON.parse(data);
    if (latest?.alerts !== figures.alerts) fetchAlerts();
    remember(figures);
    latest = figures;
    show(figures);
    showStatus();
  };
  source.onerror = () => fail("no answer");
  expect();
}

function expect() {
  clearTimeout(timer);
  timer = setTimeout(() => {
    fail("no answer");
    connect();
  }, PATIENCE);
}

function fail(why) {
  trouble = why;
  showStatus();
}

let alerts = [];

async function fetchAlerts() {
  try {
    const answer = await fetch("api/alerts", { signal: AbortSignal.timeout(PATIENCE) });
    if (answer.ok) alerts = await answer.json();
  } catch {
    return; // the next alert will tell
  }
  showAlerts();
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
    arms: Object.fromEntries(figures.arms.map(({ name, ...rest }) => [name, rest])),
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
  showState(figures);
  const names = figures.arms.map(({ name }) => name);
  const several = names.length > 1;
  const line = (value) => samples.map((s) => [s.t, value(s)]);
  const byArm = (key) => names.map((name) => [name, line((s) => s.arms[name]?.[key])]);
  // What was given, and beside it each arm, where there are several.
  const series = (given, key) => [["given", line((s) => s[given])], ...(several ? byArm(key) : [])];
  const flow = samples.slice(1).map((s, i) => [s.t, Math.max(0, s.events - samples[i].events) / (s.t - samples[i].t)]);
  drawChart(by("error-chart"), "Faded error", series("error", "error"), [percent, percent], frame);
  drawChart(by("loss-chart"), "Faded log-loss", series("loss", "log_loss"), [measure, tick], frame);
  drawChart(by("rate-chart"), "Learning rates", byArm("rate"), [measure, measure], { ...frame, log: true });
  drawChart(by("flow-chart"), "Events per second", [["events", flow]], [rate, rate], frame);
  drawChart(by("lag-chart"), "Records that wait", [["lag", line((s) => s.lag)]], [count, count], frame);
  for (const id of ["error-legend", "loss-legend"]) legend(by(id), several ? ["given", ...names] : []);
  legend(by("rate-legend"), names);
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
  const place = figures.threshold < 1 ? figures.scores.find(([to]) => figures.threshold <= to)?.[0] : null;
  const name = (to) => (to === place ? `${to}, threshold` : String(to));
  fill("scores", figures.scores.map(([to, n]) => [name(to), length(n), count(n)]).reverse());
}

// An alert opens on its reasons; which ones are open is kept over new alerts.
function showAlerts() {
  const wanted = by("alert-filter").value.trim().toLowerCase();
  const found = alerts.filter((each) => matches(each, wanted));
  say("alert-count", wanted ? `${count(found.length)} of the last ${count(alerts.length)}` : `the last ${count(alerts.length)}`);
  const open = new Set([...by("alert-list").querySelectorAll("details[open]")].map((each) => each.dataset.id));
  by("alert-list").replaceChildren(...found.map((each) => alertOf(each, open.has(each.alert_id))));
  by("no-alerts").hidden = found.length > 0;
}

function matches({ id, reasons }, wanted) {
  return !wanted || String(id).toLowerCase().includes(wanted) || reasons.some(({ feature }) => feature.toLowerCase().includes(wanted));
}

function alertOf(alert, open) {
  const details = document.createElement("details");
  details.dataset.id = alert.alert_id;
  details.open = open;
  const summary = document.createElement("summary");
  const main = alert.reasons.filter(({ feature, contribution }) => contribution > 0 && feature !== "intercept").slice(0, 2);
  for (const [name, text] of [
    ["score", measure(alert.score)], ["id", String(alert.id)], ["when", when(alert.ts)],
    ["why", main.map(({ feature }) => feature).join(", ")],
  ]) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = text;
    summary.append(part);
  }
  details.append(summary, reasonsOf(alert));
  return details;
}

function when(ts) {
  if (ts === null) return "";
  return typeof ts === "number" ? clock(ts) : String(ts);
}

// What each reason adds to the logit, as a bar from the middle.
function reasonsOf({ id, reasons, threshold, alert_id }) {
  const most = Math.max(...reasons.map(({ contribution }) => Math.abs(contribution)), 1e-9);
  const table = document.createElement("table");
  const body = document.createElement("tbody");
  for (const { feature, contribution } of reasons) {
    const line = document.createElement("tr");
    const bar = document.createElement("div");
    bar.className = contribution < 0 ? "bar less" : "bar";
    bar.style.width = `${(50 * Math.abs(contribution)) / most}%`;
    bar.style.marginLeft = contribution < 0 ? `${50 - (50 * Math.abs(contribution)) / most}%` : "50%";
    const place = document.createElement("td");
    place.append(bar);
    const amount = document.createElement("td");
    amount.textContent = (contribution < 0 ? "−" : "+") + measure(Math.abs(contribution));
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = feature;
    line.append(name, place, amount);
    body.append(line);
  }
  table.append(body);
  const made = document.createElement("div");
  const note = document.createElement("p");
  note.className = "hint";
  note.textContent = `What each adds to the log-odds. Alert ${alert_id}, threshold ${measure(threshold)}.`;
  made.append(table, note);
  if (latest?.takes_labels) made.append(buttons(id));
  return made;
}

function buttons(id) {
  const line = document.createElement("p");
  line.className = "verdicts";
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  for (const [text, label] of [["It was one", 1], ["False alarm", 0]]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.addEventListener("click", async () => {
      said.textContent = "…";
      said.textContent = await tell(id, label);
    });
    line.append(button, " ");
  }
  line.append(said);
  return line;
}

// The token stays in this tab until it is closed.
async function tell(id, label) {
  const token = sessionStorage.getItem("token") ?? (await askForToken());
  if (!token) return "";
  try {
    const answer = await fetch("api/labels", {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: JSON.stringify({ id, label }),
      signal: AbortSignal.timeout(3 * PATIENCE),
    });
    if (answer.status === 401) sessionStorage.removeItem("token");
    else sessionStorage.setItem("token", token);
    return answer.ok ? "noted" : `not noted: ${(await answer.text()).trim()}`;
  } catch {
    return "not noted: no answer";
  }
}

function askForToken() {
  const dialog = by("ask-token");
  by("token").value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "ok" ? by("token").value : ""), { once: true }));
}

function showState({ arms, leader, fingerprint, events, snapshot_time }) {
  fill("arms", arms.map((each) => [
    each.name === leader ? `${each.name} (leads)` : each.name, percent(each.error), measure(each.log_loss),
    measure(each.rate), percent(each.weight),
  ]));
  say("fingerprint", `${fingerprint} at event ${count(events)}`);
  say("snapshot", snapshot_time === null ? "none" : `${clock(snapshot_time)}, ${ago(Date.now() / 1000 - snapshot_time)} ago`);
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

// Light, dark, or as the system has it; remembered by this browser.
const themes = ["as the system", "light", "dark"];

function theme(name) {
  document.documentElement.dataset.theme = name;
  say("theme", `Colours: ${name}`);
  localStorage.setItem("theme", name);
}

by("theme").addEventListener("click", () => theme(themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length]));
theme(themes.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : themes[0]);
by("alert-filter").addEventListener("input", showAlerts);
setInterval(showAge, EVERY);
// A page in the background may have been put to sleep: begin anew when it is looked at again.
document.addEventListener("visibilitychange", () => document.hidden || connect());
connect();
