import { ERROR_KINDS } from '../../shared/errors.ts';
import type { ListedFailures } from '../../shared/operations/list-failures.ts';
import { withWatch } from '../arguments.ts';
import { ask } from '../ask.ts';
import { defineCommand } from '../define-command.ts';
import { adviceLine } from '../output/advice.ts';
import { ago, formatCount } from '../output/amounts.ts';
import { paragraph } from '../output/table.ts';
import { badge, bold, faint, oneLine } from '../output/text.ts';
import { show } from '../watch.ts';

/** What `{"failures":"open"}` answers. */
type Answer = { groups: ListedFailures[] };

export default defineCommand({
  command: 'failures [view]',
  describe: 'Show the open failures, and what to do',
  examples: [
    ['failures', 'all open failures'],
    ['failures pmr_project --resolved', 'those of a view that are resolved'],
  ],
  builder: (parser) =>
    withWatch(
      parser
        .positional('view', { type: 'string' })
        .option('kind', { choices: ERROR_KINDS, describe: 'Only failures of this kind' })
        .option('resolved', { type: 'boolean', default: false, describe: 'Show the resolved ones instead' }),
    ),
  run: ({ view, kind, resolved, json, watch }, installation) =>
    show({ json, watch }, async () => {
      const answer = await ask<Answer>(installation, {
        failures: resolved ? 'resolved' : 'open',
        view,
        kind,
      });
      return { answer, lines: () => linesOf(answer, resolved) };
    }),
});

function linesOf({ groups }: Answer, resolved: boolean): string[] {
  if (groups.length === 0)
    return [resolved ? 'There are no resolved failures.' : badge('good', 'no open failures')];
  return groups.flatMap((group, index) => [...(index === 0 ? [] : ['']), ...groupLines(group)]);
}

const SHOWN_IDS = 12;

function groupLines(group: ListedFailures): string[] {
  const { kind, failures, functionName, views, haltedViews, lastAt, lastMessage, advice, ids, redrivable } =
    group;
  const names = views.map((view) => view ?? 'no view').map(oneLine);
  const shown = ids.slice(0, SHOWN_IDS).join(' ');
  return [
    `${badge(haltedViews.length > 0 ? 'bad' : 'warning', haltedViews.length > 0 ? 'halts the view' : kind)} ${bold(formatCount(failures, 'time', 'times'))} in ${functionName}: ${names.join(', ')}; last ${ago(lastAt)}`,
    ...paragraph(oneLine(lastMessage), '  '),
    ...paragraph(adviceLine(advice), '  '),
    ...(ids.length === 0
      ? []
      : [
          faint(
            `  ids: ${shown}${ids.length > SHOWN_IDS ? ' …' : ''}${redrivable > 0 ? '  (datahub redrive or resolve)' : '  (datahub resolve)'}`,
          ),
        ]),
  ];
}
