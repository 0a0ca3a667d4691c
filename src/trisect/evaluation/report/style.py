"""The style sheet of ``report.html``; its colours are those of `trisect.evaluation.report.figures`."""

from __future__ import annotations

STYLE = """
:root { --accent: #17616e; --ink: #22282d; --faint: #68727a; --line: #dde2e4; --wash: #f4f7f8; --alert: #9a4a12; }
* { box-sizing: border-box; }
body { margin: 0; background: #fff; color: var(--ink); line-height: 1.5;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
main { max-width: 940px; margin: 0 auto; padding: 40px 28px 72px; }
header h1 { margin: 0 0 18px; font-size: 30px; line-height: 1.15; font-weight: 650; letter-spacing: -0.01em; }
.kicker { margin: 0 0 4px; color: var(--accent); font-size: 13px; font-weight: 600; }
h2 { margin: 0 0 10px; font-size: 18px; font-weight: 650; }
.lead { margin: 0 0 8px; font-size: 19px; line-height: 1.4; font-weight: 600; max-width: 60ch; }
.lead + ul { margin: 0 0 26px; padding-left: 18px; max-width: 84ch; }
.lead + ul li { margin-bottom: 3px; }
section { margin-top: 38px; padding-top: 22px; border-top: 1px solid var(--line); }
p { margin: 0 0 12px; max-width: 80ch; }
.note { color: var(--faint); font-size: 13px; }
.warnings { margin: 0 0 26px; padding: 12px 18px; background: #fdf6f0; border-left: 3px solid var(--alert); }
.warnings h2 { margin: 0 0 4px; font-size: 14px; color: var(--alert); }
.warnings ul { margin: 0; padding-left: 18px; font-size: 14px; }
.cards { display: grid; grid-template-columns: repeat(3, 1fr); gap: 12px; }
.card { padding: 14px 16px; background: var(--wash); border-radius: 6px; }
.card p { margin: 0; }
.card .name { font-size: 13px; font-weight: 600; }
.card .value { margin: 2px 0; font-size: 30px; line-height: 1.2; font-weight: 600; color: var(--accent);
  font-variant-numeric: tabular-nums; }
.card .note { font-size: 12px; line-height: 1.35; }
table { border-collapse: collapse; margin: 6px 0 16px; font-size: 14px; font-variant-numeric: tabular-nums; }
th { text-align: left; vertical-align: bottom; font-size: 12px; font-weight: 600; color: var(--faint); }
th, td { padding: 5px 16px 5px 0; border-bottom: 1px solid var(--line); }
td { vertical-align: top; }
td:first-child, td.narrow { white-space: nowrap; }
td:last-child { color: var(--faint); padding-right: 0; overflow-wrap: anywhere; }
.pair { display: flex; flex-wrap: wrap; gap: 12px 56px; align-items: flex-start; }
.pair td:last-child { color: var(--ink); text-align: right; }
.verdict { font-weight: 600; }
.verdict.identified, .verdict.found, .verdict.fine { color: var(--accent); }
.verdict.not, .verdict.lost, .verdict.holds { color: var(--alert); }
.verdict.never { color: var(--faint); font-weight: 400; }
.level { font-weight: 600; color: var(--alert); }
.level.note { color: var(--faint); font-weight: 400; }
.figures { display: flex; flex-wrap: wrap; gap: 16px 40px; margin: 14px 0 12px; }
figure { margin: 0; }
figcaption { font-size: 13px; font-weight: 600; margin-bottom: 4px; }
.table { overflow-x: auto; }
img { max-width: 100%; height: auto; display: block; }
@media (max-width: 700px) { .cards { grid-template-columns: 1fr 1fr; } }
@media print { section { break-inside: avoid; } .card { border: 1px solid var(--line); } }
"""
