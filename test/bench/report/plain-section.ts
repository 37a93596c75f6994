import { tablesOf } from './compared-section.ts';
import { recordsOf } from './figures.ts';
import type { WriteSection } from './section.ts';

/** The section of a bench without a chart and without an aim: what it does, and the tables of its runs. */
export function plainSection(bench: string, { title, text }: { title: string; text: string }): WriteSection {
  return (all) => ({
    title,
    aims: [],
    charts: [],
    text: [text, ...recordsOf(all, bench).map((record) => tablesOf(record))].join('\n\n'),
  });
}
