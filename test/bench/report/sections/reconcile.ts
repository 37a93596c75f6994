import { chartOfRates, mainOf, tablesOf } from '../compared-section.ts';
import { recordsOf } from '../figures.ts';
import type { WriteSection } from '../section.ts';

export const reconcileSection: WriteSection = (all) => {
  const records = recordsOf(all, 'reconcile');
  const main = mainOf(records);
  return {
    title: 'Reconcile',
    aims: [],
    charts:
      main === null ? [] : [chartOfRates('performance-reconcile', 'A check of a view', main, ['hashtext'])],
    text: [
      `\`npm run bench -- reconcile\` compares the largest view of the sample with its target: with equal sides, by the sums of buckets and row by row, and with one row in 10,000 changed behind the log's back. The baseline lets PostgreSQL hash the same rows
by \`hashtext\`, which reads one text of each row; a check writes each column canonically, as BigQuery can write it, too, and hashes that. A check is PostgreSQL's work; the function waits for it.`,
      ...records.map((record) => tablesOf(record, ' (row by row)')),
    ].join('\n\n'),
  };
};
