import type { Recorded } from '../record.ts';
import { capacityDocument } from './capacity/capacity-document.ts';
import { drawChart } from './draw-chart.ts';
import { plainSection } from './plain-section.ts';
import type { Aim, Section, WriteSection } from './section.ts';
import { coldStartSection } from './sections/cold-start.ts';
import { extractSection } from './sections/extract.ts';
import { initialSection } from './sections/initial.ts';
import { manyViewsSection } from './sections/many-views.ts';
import { peersSection } from './sections/peers.ts';
import { reconcileSection } from './sections/reconcile.ts';
import { streamSection } from './sections/stream.ts';
import { tickSection } from './sections/tick.ts';
import { table } from './tables.ts';

const SECTIONS: readonly WriteSection[] = [
  extractSection,
  peersSection,
  initialSection,
  streamSection,
  tickSection,
  manyViewsSection,
  coldStartSection,
  reconcileSection,
  plainSection('capture', {
    title: 'Capture',
    text: '`npm run bench -- capture` captures ten changed rows at a time after many log rows that were written while one transaction stayed open, so that no floor could move. The baseline has no such transaction.',
  }),
  plainSection('admin', {
    title: 'The page of the operators',
    text: '`npm run bench -- admin` asks for each page over a control database of many ETL transactions and 200 views.',
  }),
];

const INTRODUCTION = `# Performance

\`npm run bench -- report\` writes this document and its charts from recorded runs, [test/bench/recorded](../test/bench/recorded): the figures are theirs alone. \`npm run bench -- extract --record\` records a
run anew; so do the other benches, with their usual options. What a size like yours needs, and where it breaks first: [capacity.md](capacity.md).

How it is measured: each case is measured in turn with its baseline, in rounds, so that what disturbs the machine disturbs both. Seconds are medians of the rounds, with the least and the most; a rate against the baseline is the
quotient of the medians. Each round of a function is a process of its own, which runs what a deployment builds, and whose CPU (of all its threads) and peak memory are read when the work ends; so is the CPU of the whole PostgreSQL server, control database
included. PostgreSQL, the emulators and the function share the cores of one machine. "Limited by" says what was used for nearly all of the time: all cores, the main thread of the function, or PostgreSQL; "waiting" means none of them, because steps follow each other, or
because other programs had the cores. The time in which the function waits for the emulator of BigQuery is not counted.`;

const MARKS = { met: 'yes', missed: 'no', unknown: '' };

/** The files of the report: docs/performance.md with its charts and docs/capacity.md, by their paths in docs/. The same records give the same bytes. */
export function generatedReport(records: readonly Recorded[]): Map<string, string> {
  const sections = SECTIONS.map((write) => write(records)).filter(hasContent);
  const files = new Map<string, string>();
  for (const chart of sections.flatMap(({ charts }) => charts)) {
    const { light, dark } = drawChart(chart);
    files.set(`images/${chart.name}.svg`, light);
    files.set(`images/${chart.name}-dark.svg`, dark);
  }
  const parts = [
    INTRODUCTION,
    '## Aims',
    aimsTable(sections),
    ...disturbance(records),
    ...sections.map(sectionText),
  ];
  files.set('performance.md', `${parts.join('\n\n')}\n`);
  const capacity = capacityDocument(records);
  if (capacity !== null) files.set('capacity.md', capacity);
  return files;
}

/** From this share of the cores on, other programs disturb a run. */
const DISTURBED = 0.1;

/** A warning, if one of the runs was disturbed. */
function disturbance(records: readonly Recorded[]): string[] {
  const used = Math.max(0, ...records.map((each) => each.used_by_others_cores ?? 0));
  const cores = Math.max(1, ...records.map((each) => each.cores));
  if (used < DISTURBED * cores) return [];
  return [
    `**These runs were disturbed**: other programs used up to ${used} of the ${cores} cores meanwhile, so that everything took longer than on an idle machine, most of all what uses two cores at once. CPU seconds and memory are hardly touched by that. Each table says how much its run was disturbed.`,
  ];
}

/** A bench without a record and without an aim has nothing to say. */
const hasContent = ({ text, aims, charts }: Section): boolean =>
  aims.length > 0 || charts.length > 0 || text.includes('Recorded on');

function aimsTable(sections: readonly Section[]): string {
  const rows = sections.flatMap(({ title, aims }) =>
    aims.map((aim) => [aim.aim, aim.measured, markOf(aim), aim.missedBy, `[${title}](#${slugOf(title)})`]),
  );
  return table(['aim', 'measured', 'met', 'missed by', 'why'], rows);
}

const markOf = ({ isMet }: Aim): string => {
  if (isMet === null) return MARKS.unknown;
  return isMet ? MARKS.met : MARKS.missed;
};

/** As GitHub makes the address of a heading. */
const slugOf = (title: string): string => title.toLowerCase().replaceAll(' ', '-');

function sectionText({ title, charts, text }: Section): string {
  const pictures = charts.map(({ name, title: alt, bars }) =>
    [
      '<picture>',
      `  <source media="(prefers-color-scheme: dark)" srcset="images/${name}-dark.svg">`,
      `  <img alt="${alt}. ${bars.map(({ label, note }) => `${label}: ${note}`).join('; ')}" src="images/${name}.svg">`,
      '</picture>',
    ].join('\n'),
  );
  return [`## ${title}`, ...pictures, text].join('\n\n');
}
