import { mainOf, tablesOf } from '../compared-section.ts';
import { recordsOf } from '../figures.ts';
import { atMost, type WriteSection } from '../section.ts';
import { seconds } from '../tables.ts';

const START_SECONDS = 0.6;
const BASELINE = 'hello';

export const coldStartSection: WriteSection = (all) => {
  const records = recordsOf(all, 'coldstart');
  const main = mainOf(records);
  const functions = Object.entries(main?.compared.cases ?? {}).filter(([name]) => name !== BASELINE);
  const slowest = functions.toSorted(([, a], [, b]) => b.seconds.median - a.seconds.median)[0];
  return {
    title: 'Cold start',
    aims: [
      atMost(
        `cold start of every function under ${START_SECONDS} s`,
        START_SECONDS,
        slowest?.[1].seconds.median ?? null,
        ` s (${slowest?.[0]})`,
      ),
    ],
    charts:
      main === null
        ? []
        : [
            {
              name: 'performance-coldstart',
              title: 'From the start of the process to its first answer: seconds',
              bars: Object.entries(main.compared.cases).map(([label, each]) => ({
                label,
                value: each.seconds.median,
                note: `${seconds(each.seconds.median)} s (${seconds(each.seconds.min)} to ${seconds(each.seconds.max)})`,
                isOurs: label !== BASELINE,
              })),
            },
          ],
    text: [
      `\`npm run bench -- coldstart\` starts each function of the deployed archive, as Cloud Functions does, and measures the time to its first answer to a real request. \`hello\` is a function of the same framework that only answers: below that no function can be.`,
      ...records.map((record) => tablesOf(record)),
    ].join('\n\n'),
  };
};
