import { chartOfRates, mainOf, tablesOf } from '../compared-section.ts';
import { caseOf, comparedIn, figureOf, recordsOf } from '../figures.ts';
import { atLeast, atMost, type WriteSection } from '../section.ts';
import { count } from '../tables.ts';

const ROWS = 1_000_000;
const RATE = 0.65;
const SERVER_CPU = 1.3;
const MEMORY_MB = 200;
/** Memory counts as flat if the largest run needs at most so many times the memory of the smallest. */
const FLAT = 1.15;

const WHY = `**Why the rate is what it is.** The decoders and the writer of Avro run on the main thread of the function, and PostgreSQL computes the view beside them, so that both cores are busy: the copy alone, from
the first staged object to the manifest, is nearer to the binary COPY than the whole extraction. The rest of the time is not the rows: it is what the first call of a process does before and after the copy. It loads Google's clients
and opens connections (the loaders of modules in the profile), describes the view, computes the first checkpoint, and asks for the tables. It takes as long for ten rows as for ten million, so that the
ratio grows with the view.

**The CPU of PostgreSQL** is that of the whole server: of the COPY, of the statements that describe the view and its log, and of the control database, which the functions migrate in each round, since each has a new one. The COPY itself
selects the same columns as the baseline and casts only types without a binary form of interest.

**Memory** is that of Node with Google's clients, about 100 MB, and of the buffers of blocks in flight and what V8 has not collected yet. It does not grow with the rows: a block is half a megabyte, and the writer of Cloud Storage holds
the sender back.`;

export const extractSection: WriteSection = (all) => {
  const records = recordsOf(all, 'extract');
  const main = mainOf(records, ROWS);
  const sizes = records.flatMap((record) => comparedIn(record) ?? []);
  const peaks = sizes.map(({ rows = 0, cases }) => ({ rows, peak: cases.extract?.peak_rss_mb ?? 0 }));
  const [least, most] = [peaks[0], peaks.at(-1)];
  const growth =
    least === undefined || most === undefined || peaks.length < 2
      ? null
      : Number((most.peak / least.peak).toFixed(2));
  const between =
    growth === null ? '' : `, from ${count(least?.rows ?? 0)} to ${count(most?.rows ?? 0)} rows`;
  return {
    title: 'Extract',
    aims: [
      atLeast(
        `extract: at least ${RATE} of the rate of COPY binary, at 1,000,000 rows`,
        RATE,
        main?.compared.ratio ?? null,
      ),
      atMost(
        `extract: CPU of PostgreSQL at most ${SERVER_CPU} × that of COPY binary`,
        SERVER_CPU,
        main === null ? null : figureOf(main.compared, 'server_cpu_ratio'),
      ),
      atMost(
        `extract: peak memory under ${MEMORY_MB} MB`,
        MEMORY_MB,
        most === undefined ? null : Math.max(...peaks.map(({ peak }) => peak)),
        ' MB',
      ),
      atMost(`extract: memory flat, from 100,000 to 10,000,000 rows`, FLAT, growth, ` times${between}`),
    ],
    charts:
      main === null
        ? []
        : [
            chartOfRates('performance-extract', 'Extraction of the largest view of the sample', main, [
              'COPY binary',
            ]),
            {
              name: 'performance-extract-memory',
              title: 'Peak memory of the extracting process: MB',
              bars: peaks.map(({ rows, peak }) => ({
                label: `${count(rows)} rows`,
                value: peak,
                note: `${peak} MB`,
                isOurs: true,
              })),
            },
          ],
    text: [
      `\`npm run bench -- extract\` copies the largest view of the sample application whole, from the source to staged Avro, in a new process each round. Beside it, in turn, the same server sends
the same view by a binary COPY whose rows are thrown away: no extraction can be faster than that by one connection.`,
      ...(main === null
        ? []
        : [
            `The copy alone reaches ${(caseOf(main.compared, 'the copy alone').ratio).toFixed(2)} of the rate of the binary COPY, the whole extraction ${caseOf(main.compared, 'extract').ratio.toFixed(2)}.`,
          ]),
      WHY,
      ...records.map((record) => tablesOf(record)),
    ].join('\n\n'),
  };
};
