import { chartOfRates, mainOf, tablesOf } from '../compared-section.ts';
import { caseOf, ratioOf, recordsOf } from '../figures.ts';
import { atLeast, type WriteSection } from '../section.ts';
import { seconds } from '../tables.ts';

const SPEED_UP = 1.6;

const WHY = `**Why a second worker brings what it brings.** PostgreSQL runs on the same two cores as the function here. One worker already keeps a backend of PostgreSQL and the main thread of the function busy at once, so that a second
backend takes its time from the first. Both workers of an instance decode on the same main thread: where the source is a machine of its own, one instance is limited by that thread, and slices bring the time that a
worker would wait for the source. The compression does not count: zstd has threads of its own.`;

export const initialSection: WriteSection = (all) => {
  const records = recordsOf(all, 'initial');
  const main = mainOf(records);
  const one = main === null ? null : caseOf(main.compared, 'one worker');
  const cpuSeconds = (one?.cpu_seconds ?? 0) + (one?.server_cpu_seconds ?? 0);
  return {
    title: 'First load',
    aims: [
      atLeast(
        `initial: two workers on two cores at least ${SPEED_UP} × one, where the source is not the limit`,
        SPEED_UP,
        ratioOf(main?.compared),
      ),
    ],
    charts:
      main === null
        ? []
        : [
            chartOfRates('performance-initial', 'First load with one worker and with two', main, [
              'COPY binary',
            ]),
          ],
    text: [
      `\`npm run bench -- initial\` loads the largest view of the sample for the first time, from the source to staged objects, with \`MAX_SLICES\` 1 and 2 in turn. \`SLICE_ROWS\` is the same for both.`,
      ...(main === null || one === null
        ? []
        : [
            `One load takes ${seconds(cpuSeconds)} s of CPU, of the function and of PostgreSQL together: on the ${main.record.cores} cores that they share here, no number of workers does it in less than ${seconds(cpuSeconds / main.record.cores)} s. One worker took ${seconds(one.seconds.median)} s.`,
          ]),
      WHY,
      ...records.map((record) => tablesOf(record, ' (two workers)')),
    ].join('\n\n'),
  };
};
