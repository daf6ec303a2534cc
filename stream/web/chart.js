// One line over time, with the drifts marked.

const GAP = 10; // seconds without an answer, over which no line is drawn
const APART = 0.08; // of the width, so that two marks can be read

/**
 * Draw `points`, pairs of seconds and value, into `place`.
 * `format` and `tick` make text of a value and of one on the scale.
 * The last argument says which time is now, how many seconds the chart spans, and when there were drifts.
 */
export function drawChart(place, title, points, [format, tick], { now, span, drifts }) {
  const seen = points.filter(([, value]) => Number.isFinite(value));
  const values = seen.map(([, value]) => value);
  const top = roundUp(Math.max(...values, 0));
  const x = (t) => 1 - (now - t) / span;
  const y = (value) => 1 - value / top;

  const svg = node("svg", { viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const level of [0, 0.5, 1]) svg.append(node("path", { class: "grid", d: `M0 ${level}H1` }));
  for (const t of drifts) svg.append(node("path", { class: "drift", d: `M${x(t)} 0V1` }));
  svg.append(node("path", { class: "line", d: line(seen, x, y) }));

  const labels = values.length
    ? [0, 0.5, 1].map((share) => label(tick(top * share), "y", { top: 1 - share }))
    : [label("No labels yet", "empty", {})];
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
  place.setAttribute("aria-label", describe(title, values, format, drifts.length));
  place.replaceChildren(svg, ...labels);
}

function describe(title, values, format, drifts) {
  if (!values.length) return `${title}: nothing to draw yet`;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const range = `between ${format(low)} and ${format(high)}`;
  return `${title}: now ${format(values.at(-1))}, ${range}, ${drifts} drifts in this time`;
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
