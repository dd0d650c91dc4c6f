"""The look and the little behaviour of a report page."""

from whelp.report.figures import FONT
from whelp.report.palette import DARK, LIGHT, css_variables

_SURFACES_LIGHT = "--page:#ffffff;--wash:#f4f5f7;color-scheme:light;"
_SURFACES_DARK = "--page:#15181c;--wash:#1f2329;color-scheme:dark;"

_CSS = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 FONT; font-variant-numeric: tabular-nums;
}
main { max-width: 1088px; margin: 0 auto; padding: 40px 24px 64px; }
a { color: var(--accent); }
h1 {
  font-size: 30px; line-height: 1.2; letter-spacing: -0.015em; margin: 0; font-weight: 650;
}
h2 {
  font-size: 19px; letter-spacing: -0.005em; margin: 56px 0 4px; padding-top: 14px;
  border-top: 1px solid var(--rule); font-weight: 650;
}
p { margin: 6px 0; max-width: 44em; }
.eyebrow { color: var(--muted); font-size: 13px; margin: 0 0 6px; }
.subtitle { color: var(--muted); font-size: 17px; margin: 6px 0 0; }
nav { margin-top: 18px; font-size: 14px; }
nav ul, .legend {
  display: flex; flex-wrap: wrap; gap: 4px 20px; list-style: none; padding: 0; margin: 0;
}
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
.cards { display: flex; flex-wrap: wrap; gap: 20px 28px; margin: 32px 0 0; padding: 0; }
.cards div {
  flex: 1 1 148px; max-width: 240px; border-top: 2px solid var(--ink); padding-top: 8px;
}
.cards div:first-child { border-color: var(--accent); }
.cards dt { font-size: 13px; color: var(--muted); }
.cards dd {
  margin: 0; font-size: 29px; line-height: 1.25; letter-spacing: -0.02em; font-weight: 600;
  white-space: nowrap;
}
.cards dd small {
  display: block; font-size: 13px; letter-spacing: 0; font-weight: 400; color: var(--muted);
  white-space: normal; line-height: 1.4;
}
.note { color: var(--muted); font-size: 14px; }
figure { margin: 22px 0 0; }
.panels { display: flex; flex-wrap: wrap; gap: 12px 10px; align-items: flex-start; }
.panels > * { flex: 0 1 auto; min-width: 0; width: 100%; }
.panels svg { display: block; width: 100%; height: auto; overflow: visible; }
.scroll { overflow-x: auto; }
.scroll svg { display: block; width: 100%; min-width: 760px; height: auto; }
figcaption, .caption {
  color: var(--muted); font-size: 13.5px; line-height: 1.5; text-align: left;
}
figcaption { margin-top: 8px; max-width: 60em; }
figcaption b, .caption b { color: var(--ink); font-weight: 600; }
.legend { font-size: 13.5px; margin: 0 0 8px; }
.legend i {
  display: inline-block; width: 11px; height: 11px; border-radius: 50%; margin-right: 7px;
}
.table { margin-top: 6px; overflow-x: auto; }
.table.long {
  max-height: 620px; overflow-y: auto; border-bottom: 1px solid var(--rule);
}
.long thead th {
  position: sticky; top: 0; background: var(--page); z-index: 1;
  box-shadow: 0 1px 0 var(--rule);
}
table { border-collapse: collapse; width: 100%; font-size: 14px; line-height: 1.4; }
.caption { margin: 26px 0 0; max-width: 60em; }
th, td {
  text-align: left; padding: 6px 18px 6px 0; vertical-align: baseline; font-weight: 400;
}
th:last-child, td:last-child { padding-right: 2px; }
thead th {
  color: var(--muted); font-size: 13px; border-bottom: 1px solid var(--ink);
  white-space: nowrap; vertical-align: bottom;
}
tbody tr + tr > * { border-top: 1px solid var(--rule); }
tbody tr:hover > * { background: var(--wash); }
tr.total > * { border-top: 1px solid var(--ink); font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
.bar {
  display: inline-block; width: 84px; height: 9px; margin-right: 10px; text-align: left;
  vertical-align: baseline;
}
.value { display: inline-block; min-width: 3.1em; }
.bar i { display: block; height: 100%; border-radius: 1px; opacity: 0.75; }
.dot {
  display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 8px;
}
button {
  font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer;
}
button:hover { color: var(--ink); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
th[aria-sort] { color: var(--ink); }
th[aria-sort=ascending] button::after { content: " ↑"; }
th[aria-sort=descending] button::after { content: " ↓"; }
.facts th { color: var(--muted); width: 1%; white-space: nowrap; padding-right: 28px; }
.facts td { overflow-wrap: anywhere; }
code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre {
  background: var(--wash); padding: 12px 14px; margin: 14px 0; overflow-x: auto;
  white-space: pre-wrap; overflow-wrap: anywhere; border-radius: 4px;
}
footer { margin-top: 56px; color: var(--muted); font-size: 13px; }
@media (max-width: 560px) {
  main { padding: 24px 16px 48px; }
  h1 { font-size: 25px; }
  .subtitle { font-size: 16px; }
  .cards { gap: 18px; }
  .cards div { flex: 1 1 40%; max-width: calc(50% - 9px); }
  .cards dd { font-size: 25px; }
  .bar { width: 48px; }
  th, td { padding-right: 14px; white-space: nowrap; }
  .facts tr { display: block; padding: 6px 0; border-top: 1px solid var(--rule); }
  .facts th, .facts td {
    display: block; width: auto; padding: 0; border: 0; white-space: normal;
  }
}
@media print {
  :root { LIGHT_VARIABLES }
  body { font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .table.long { max-height: none; overflow: visible; border: 0; }
  .long thead th { position: static; }
  .table { overflow: visible; }
  table { font-size: 8.5pt; }
  th, td { padding: 4px 9px 4px 0; }
  thead th { font-size: 8pt; white-space: normal; }
  .bar { width: 36px; margin-right: 6px; }
  .scroll svg { min-width: 0; }
  .panels > * { width: calc(33.3% - 7px); }
  .panels > .scroll { width: 100%; }
  .cards { gap: 12px 18px; }
  .cards div { flex-basis: 96px; }
  .cards dd { font-size: 18pt; }
  figure, .cards, tr { break-inside: avoid; }
  h2, h2 + p, .caption { break-after: avoid; }
  h2 { margin-top: 30px; }
  .bar, .bar i, .legend i, .dot {
    print-color-adjust: exact; -webkit-print-color-adjust: exact;
  }
}
"""

SCRIPT = """
document.querySelectorAll("table.sortable th button").forEach((button) => {
  button.addEventListener("click", () => {
    const heading = button.parentElement;
    const table = heading.closest("table");
    const body = table.tBodies[0];
    const column = heading.cellIndex;
    const numeric = heading.classList.contains("number");
    const before = heading.getAttribute("aria-sort");
    const descending = before ? before === "ascending" : numeric;
    const read = (row) => {
      const cell = row.cells[column];
      if (!numeric) return cell.textContent;
      return cell.dataset.key === "" ? NaN : Number(cell.dataset.key);
    };
    const compare = (a, b) => {
      const x = read(a), y = read(b);
      if (numeric && (isNaN(x) || isNaN(y))) return isNaN(x) - isNaN(y);
      const order = numeric ? x - y : x.localeCompare(y, undefined, { numeric: true });
      return descending ? -order : order;
    };
    Array.from(body.rows).sort(compare).forEach((row) => body.appendChild(row));
    table.querySelectorAll("th[aria-sort]").forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", descending ? "descending" : "ascending");
  });
});
"""


def stylesheet() -> str:
    """The page's CSS, light and dark."""
    light = css_variables(LIGHT) + _SURFACES_LIGHT
    dark = css_variables(DARK) + _SURFACES_DARK
    rules = _CSS.replace("LIGHT_VARIABLES", light).replace("FONT", FONT)
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n{rules}"
