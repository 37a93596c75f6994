import { z } from 'zod';
import { tablesOf } from '../compared-section.ts';
import { recordsOf } from '../figures.ts';
import { atMost, type WriteSection } from '../section.ts';
import { count, table } from '../tables.ts';

const DIFFERENCE = 1.2;
const AIM = 'the time from event to applied for 100 changed rows differs by less than 20%';

const tickFigures = z.looseObject({ tick_ms: z.number(), baseline_tick_ms: z.number(), cpu_ms: z.number() });
const ticked = tickFigures.extend({ rows: z.number(), log: tickFigures });

type TickFigures = z.infer<typeof tickFigures>;

const WHY = `**Why a large table costs anything.** A test holds that statements, calls and round trips are as many for any number of rows, and PostgreSQL finds the changed rows by their keys. But the emulator of BigQuery merges into five million rows for two seconds, on the same cores: it is that
time that is not counted, after which the function most likely goes on with cold caches: its own CPU rises as its time does. Each run has a few rounds of nine ticks, whose medians differ by about as much.`;

export const tickSection: WriteSection = (all) => {
  const records = recordsOf(all, 'tick');
  const sizes = records.flatMap(({ result }) => ticked.safeParse(result).data ?? []);
  const main = sizes.at(-1) ?? null;
  const rows = main === null ? '5,000,000' : count(main.rows);
  const aimOf = (where: string, figures: TickFigures | undefined) => {
    const ratio =
      figures === undefined ? null : Number((figures.tick_ms / figures.baseline_tick_ms).toFixed(2));
    return atMost(
      `tick: ${AIM} between 10,000 and 5,000,000 rows in ${where}`,
      DIFFERENCE,
      ratio,
      ` times, at ${rows}`,
    );
  };
  const row = (what: string, { tick_ms: ms, baseline_tick_ms: baselineMs, cpu_ms: cpuMs }: TickFigures) => [
    what,
    `${ms} ms`,
    `${baselineMs} ms`,
    `${cpuMs} ms`,
  ];
  return {
    title: 'Tick',
    aims: [aimOf("the view's table", main ?? undefined), aimOf('the log', main?.log)],
    charts: [],
    text: [
      '`npm run bench -- tick` measures the time from the event to the applied batch of 100 changed rows, by `extract` and `merge` in one warm process, for many rows in the table of the view, and for many in the log. The baseline has 10,000 of both.',
      ...(main === null
        ? []
        : [
            table(
              ['', 'a tick', 'with 10,000', 'CPU of the process'],
              sizes.flatMap((each) => [
                row(`${count(each.rows)} rows in the table`, each),
                row(`${count(each.rows)} rows in the log`, each.log),
              ]),
            ),
            WHY,
          ]),
      ...records.map((record) => tablesOf(record)),
    ].join('\n\n'),
  };
};
