import { chartOfRates, mainOf, tablesOf } from '../compared-section.ts';
import { caseOf, comparedIn, figureOf, ratioOf, recordsOf } from '../figures.ts';
import { atLeast, atMost, type WriteSection } from '../section.ts';
import { count } from '../tables.ts';

const ROWS = 1_000_000;
const RATE = 0.65;
const SERVER_CPU = 1.3;
const MEMORY_MB = 200;
/** Memory counts as flat if the largest run needs at most so many times the memory of the smallest. */
const FLAT = 1.15;

const WHY = `**Why the rate is what it is.** Before the copy, a first load describes the view, and computes the first checkpoint, which reads the whole change log once (the largest statement beside the COPY). In this sample one id in eight is missing from the log,
as after many rolled-back transactions, so that its checkpoint has tens of thousands of ranges, which are kept in the control database. That takes as long for ten rows as for ten million, so that the rate rises with the view. During the copy, PostgreSQL computes the view on one core, and the main thread decodes, judges and writes Avro on the
other. zstd, V8's collector and its compiler run on threads beside it, for which two cores leave no room: the binary COPY has PostgreSQL and a reader that does nothing, the extraction has PostgreSQL, a decoder, a compressor and the
receiver of the objects on the same two cores.

**The CPU of PostgreSQL** is that of the whole server: of the COPY, of the first checkpoint, of the statements that describe the view, and of the control database. The COPY selects the same columns as the baseline and casts only types without a binary form of interest.

**Memory** is that of Node with Google's clients, of blocks in flight, and of what V8 has not collected yet, which a longer copy has more time to fill: it lets up to 64 MB of buffers that are done with pile up. A block is half a megabyte, and the writer of Cloud Storage holds the sender back.`;

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
        ratioOf(main?.compared),
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
      `\`npm run bench -- extract\` copies the largest view of the sample application whole, from the source to staged Avro, in a new process each round, which runs the code that a deployment builds and has loaded Google's packages. Beside it, in turn, the same server sends
the same view by a binary COPY whose rows are thrown away: no extraction can be faster than that by one connection.`,
      ...(main === null
        ? []
        : [
            `The copy alone reaches ${(caseOf(main.compared, 'the copy alone').ratio).toFixed(2)} of the rate of the binary COPY, the whole extraction ${caseOf(main.compared, 'extract').ratio.toFixed(2)}. The change log of this source has ${count(figureOf(main.compared, 'log_rows'))} rows.`,
          ]),
      WHY,
      ...records.map((record) => tablesOf(record)),
    ].join('\n\n'),
  };
};
