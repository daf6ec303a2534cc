// Lines over time, with the drifts marked.

const GAP = 10; // seconds without an answer, over which no line is drawn
const COLOURS = 6;
const APART = 0.08; // of the width, so that two marks can be read

/**
 * Draw `lines` into `place`: pairs of a name and of points, which are pairs of seconds and value.
 * `format` and `tick` make text of a value and of one on the scale.
 * The last argument says which time is now, how many seconds the chart spans, when there were drifts,
 * and whether the scale is logarithmic.
 */
export function drawChart(place, title, lines, [format, tick], { now, span, drifts, log = false }) {
  const drawn = lines.map(([name, points]) => [name, points.filter(([, value]) => Number.isFinite(value) && (!log || value > 0))]);
  const values = drawn.flatMap(([, points]) => points.map(([, value]) => value));
  const x = (t) => 1 - (now - t) / span;
  const scale = log ? logarithmic(values) : linear(values);
  const y = (value) => 1 - scale.share(value);

  const svg = node("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const level of [0, 0.5, 1]) svg.append(node("path", { class: "grid", d: `M0 ${level}H1` }));
  for (const t of drifts) svg.append(node("path", { class: "drift", d: `M${x(t)} 0V1` }));
  drawn.forEach(([, points], i) => svg.append(node("path", { class: `line of-${i % COLOURS}`, d: line(points, x, y) })));

  const labels = values.length
    ? [0, 0.5, 1].map((share) => label(tick(scale.value(share)), "y", { top: 1 - share }))
    : [label("Nothing yet", "empty", {})];
  const minutes = span / 60;
  labels.push(label(`${minutes} min ago`, "x start", { left: 0 }));
  labels.push(label(`${minutes / 2} min ago`, "x", { left: 0.5 }));
  labels.push(label("now", "x end", { left: 1 }));
  let last = -1;
  for (const t of drifts.filter((time) => x(time) >= 0)) {
    if (x(t) - last < APART) continue;
    last = x(t);
    labels.push(label("drift", "mark", { left: last }));
  }

  place.setAttribute("role", "img");
  place.setAttribute("aria-label", describe(title, drawn, values, format, drifts.length));
  place.replaceChildren(svg, ...labels);
}

/** What the lines are, in their colours: an element for below the chart; empty for a single line. */
export function legend(place, names) {
  const wanted = names.length > 1 ? names : [];
  if (place.dataset.names === JSON.stringify(wanted)) return;
  place.dataset.names = JSON.stringify(wanted);
  place.replaceChildren(...wanted.map((name, i) => label(name, `of-${i % COLOURS}`, {})));
}

function linear(values) {
  const top = roundUp(Math.max(...values, 0));
  return { share: (value) => value / top, value: (share) => top * share };
}

function logarithmic(values) {
  const low = Math.floor(Math.log10(Math.min(...values, 1)));
  const high = Math.max(Math.ceil(Math.log10(Math.max(...values, 10 ** low))), low + 1);
  const span = high - low;
  return { share: (value) => (Math.log10(value) - low) / span, value: (share) => 10 ** (low + share * span) };
}

function describe(title, drawn, values, format, drifts) {
  if (!values.length) return `${title}: nothing to draw yet`;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const last = drawn
    .filter(([, points]) => points.length)
    .map(([name, points]) => `${drawn.length > 1 ? `${name} ` : ""}${format(points.at(-1)[1])}`)
    .join(", ");
  return `${title}: now ${last}, between ${format(low)} and ${format(high)}, ${drifts} drifts in this time`;
}

function line(points, x, y) {
  return points
    .map(([t, value], i) => {
      const joined = i && t - points[i - 1][0] < GAP;
      return `${joined ? "L" : "M"}${x(t).toFixed(5)} ${y(value).toFixed(5)}`;
    })
    .join("");
}

// The scale's end: a short number, so that half of it is one too, and the line does not jump about.
function roundUp(value) {
  if (!value) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((step) => step * unit >= value * 0.9999);
}

function node(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function label(text, name, where) {
  const made = document.createElement("span");
  made.textContent = text;
  made.className = name;
  for (const [side, share] of Object.entries(where)) made.style[side] = `${100 * share}%`;
  return made;
}
