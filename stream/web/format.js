// Figures as text. A figure that is not known is a dash.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const three = new Intl.NumberFormat("en", { minimumSignificantDigits: 3, maximumSignificantDigits: 3 });

const known = (format) => (value) => (Number.isFinite(value) ? format(value) : "–");

export const count = known((n) => whole.format(n));

export const rate = known((x) => (x < 10 ? tenths : whole).format(x));

export const percent = known((x) => {
  const digits = x === 0 || x === 1 ? 0 : x < 0.1 ? 2 : 1;
  return `${(100 * x).toFixed(digits)}\u00a0%`;
});

/** A loss, a probability, a learning rate: three digits, wherever they are. */
export const measure = known((x) => {
  if (x === 0) return "0";
  return Math.abs(x) < 1e-4 ? x.toExponential(1) : three.format(x);
});

/** A measure on a scale, where round numbers stay short. */
export const tick = known((x) => x.toLocaleString("en", { maximumSignificantDigits: 2 }));

/** A point of event time. */
export const clock = known((seconds) => {
  const date = new Date(1000 * seconds);
  if (Number.isNaN(date.getTime())) return "–";
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
});

/** A length of time, in the largest unit that leaves at least two of it. */
export const ago = known((seconds) => {
  for (const [name, size] of [["d", 86400], ["h", 3600], ["min", 60]]) {
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${name}`;
  }
  return `${Math.max(0, Math.floor(seconds))} s`;
});
