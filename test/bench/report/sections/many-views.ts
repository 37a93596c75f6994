import { z } from 'zod';
import { recordsOf } from '../figures.ts';
import { atMost, type WriteSection } from '../section.ts';
import { recordedOn, seconds, table } from '../tables.ts';

const TIMES = 2;

const part = z.looseObject({ seconds: z.number(), baseline_seconds: z.number(), time_ratio: z.number() });
const ticked = z.looseObject({ all_changed: part, five_changed: part });

export const manyViewsSection: WriteSection = (all) => {
  const records = recordsOf(all, 'many-views');
  const main = ticked.safeParse(records.at(-1)?.result).data ?? null;
  const row = (what: string, each: z.infer<typeof part>) => [
    what,
    `${seconds(each.seconds)} s`,
    `${seconds(each.baseline_seconds)} s`,
    each.time_ratio.toFixed(2),
  ];
  return {
    title: 'Many views',
    aims: [
      atMost(
        'tick: 50 views with few changes within twice the time of five',
        TIMES,
        main?.five_changed.time_ratio ?? null,
        ' times',
      ),
    ],
    charts: [],
    text: [
      '`npm run bench -- many-views` measures a tick of 50 views, from the event until every view was captured and every batch applied, beside a tick of five, with `extract` and `merge` in one process each.',
      ...(main === null
        ? []
        : [
            table(
              ['changes', '50 views', 'five views', 'times'],
              [row('in five views', main.five_changed), row('in every view', main.all_changed)],
            ),
          ]),
      ...records.map(recordedOn),
    ].join('\n\n'),
  };
};
