"""How the run report looks: light and dark as the reader's system is, narrow and wide, and on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1c2430; --soft: #556070; --rule: #d9dee5; --row: #f6f8fa;
  --good: #1a7f4b; --fair: #9a5b00; --bad: #b3261e;
  --c1: #3b6fd4; --c2: #1c2430; --c3: #9a5b00;
  --e1: #b3261e; --e2: #c2620c; --e3: #7b4fc9; --e4: #0f766e; --e5: #a3257f; --e6: #66717f;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1a2028; --text: #e6eaf0; --soft: #a3adba; --rule: #313a46; --row: #1f262f;
    --good: #5fd19a; --fair: #f0b45c; --bad: #ff8f85;
    --c1: #6f9cf0; --c2: #e6eaf0; --c3: #f0b45c;
    --e1: #ff8f85; --e2: #f5a857; --e3: #bda2ff; --e4: #57cdbf; --e5: #ef8fd0; --e6: #9aa5b3;
    }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.75rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.1rem; margin: 0 0 .75rem; }
p { margin: .25rem 0; overflow-wrap: anywhere; }
.soft, footer { color: var(--soft); font-size: .9rem; }
section .soft { margin: -.75rem 0 1.25rem; }
.outcome { font-size: 1.1rem; margin: 1rem 0; padding-left: .75rem; border-left: 4px solid var(--bad); }
.outcome b { color: var(--bad); }
.outcome.good { border-color: var(--good); } .outcome.good b { color: var(--good); }
.outcome.fair { border-color: var(--fair); } .outcome.fair b { color: var(--fair); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.tiles div, section { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; }
.tiles div { padding: .6rem .8rem; }
.tiles dt { color: var(--soft); font-size: .85rem; }
.tiles dd { margin: 0; font-size: 1.2rem; font-weight: 600; white-space: nowrap; font-variant-numeric: tabular-nums; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; padding-bottom: 1rem; }
@media (min-width: 1000px) {
  main { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  section.wide { grid-column: 1 / -1; }
}
section { padding: 1rem; min-width: 0; }
figure { margin: 0 0 1.5rem; } figure:last-child { margin-bottom: 0; }
figcaption, caption { font-weight: 600; font-size: .95rem; text-align: left; padding-bottom: .4rem; }
.plot { display: grid; grid-template-columns: 4rem minmax(0, 1fr); }
.scale { display: flex; flex-direction: column; justify-content: space-between; padding-right: .5rem; }
.scale, .moments { color: var(--soft); font-size: .8rem; line-height: 1; text-align: right; }
.scale, .moments, td, th { font-variant-numeric: tabular-nums; }
.moments { display: flex; justify-content: space-between; margin: .4rem 0 0 4rem; } .moments.wide { margin-left: 0; }
svg { display: block; width: 100%; height: 11rem; }
svg { border-bottom: 1px solid var(--soft); border-top: 1px dashed var(--rule); }
svg.strip { height: .9rem; border: 0; background: var(--row); outline: 1px solid var(--rule); }
.strips dt { font-size: .85rem; margin-top: .5rem; } .strips dd { margin: .15rem 0 0; } .strips { margin: 0; }
.line { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; }
.c1 { fill: var(--c1); } .c3 { fill: var(--c3); }
.e1 { fill: var(--e1); } .e2 { fill: var(--e2); } .e3 { fill: var(--e3); }
.e4 { fill: var(--e4); } .e5 { fill: var(--e5); } .e6 { fill: var(--e6); }
.line.c2 { stroke: var(--c2); stroke-dasharray: 5 3; stroke-width: 1.5; }
.line.q1, .line.q2, .line.q3 { stroke: var(--c2); } .line.q2 { stroke-dasharray: 7 3; }
.line.q3 { stroke-dasharray: 2 3; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; }
.legend { margin: .6rem 0 0; padding: 0; font-size: .85rem; }
.key { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem; vertical-align: -1px; }
.key { background: var(--c1); }
.key.e1 { background: var(--e1); } .key.e2 { background: var(--e2); } .key.e3 { background: var(--e3); }
.key.e4 { background: var(--e4); } .key.e5 { background: var(--e5); } .key.e6 { background: var(--e6); }
.key.c2, .key.q1, .key.q2, .key.q3 { background: none; height: 0; width: 1.4rem; vertical-align: 4px; }
.key.c2, .key.q2 { border-top: 2px dashed var(--c2); }
.key.q1 { border-top: 2px solid var(--c2); } .key.q3 { border-top: 2px dotted var(--c2); }
h2 + .scrolls caption { position: absolute; clip-path: inset(50%); }
.trio { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; margin-bottom: 1rem; }
.trio svg { height: 6rem; } .trio .plot { grid-template-columns: 3rem minmax(0, 1fr); }
.trio .moments { margin-left: 3rem; } .trio figure { margin: 0; }
.scrolls { position: relative; overflow-x: auto; margin-bottom: 1rem; } .scrolls:last-child { margin-bottom: 0; }
.scrolls:focus-visible { outline: 2px solid var(--c1); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: right; padding: .35rem .6rem; border-top: 1px solid var(--rule); vertical-align: top; }
th:first-child { text-align: left; padding-left: 0; font-weight: 400; }
thead th { color: var(--soft); border-top: 0; font-weight: 600; white-space: nowrap; }
thead th:first-child { font-weight: 600; }
.words td, .words thead th { text-align: left; overflow-wrap: anywhere; }
.errors td:last-child, .errors thead th:last-child, .runs td:last-child, .runs thead th:last-child { text-align: left; }
.runs th, .runs td { white-space: nowrap; } .runs td:last-child { white-space: normal; min-width: 18rem; }
.errors td:last-child { min-width: 11rem; }
.runs tr:first-child th[scope=row] { font-weight: 600; }
td ul { margin: 0; padding-left: 1rem; overflow-wrap: anywhere; }
footer { padding-bottom: 2rem; }
@media print {
  :root { color-scheme: light; }
  body { background: #fff; font-size: 11pt; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  section, figure, tr { break-inside: avoid; }
  .scrolls { overflow: visible; } table { font-size: 8.5pt; }
  .runs th, .runs td, .runs td:last-child { white-space: normal; min-width: 0; padding: .25rem; }
  svg, .key { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
