import { ERROR_KINDS } from '../../shared/errors.ts';
import { withWhy } from '../arguments.ts';
import { command } from '../ask.ts';
import { UsageError } from '../command-error.ts';
import { defineCommand } from '../define-command.ts';
import { failureIds } from '../failure-ids.ts';
import { printOutcome } from '../output/outcome.ts';

export default defineCommand({
  command: 'resolve [view-or-ids..]',
  describe: 'Mark failures as resolved',
  examples: [
    ['resolve 17 18', 'two failures, by their ids'],
    ['resolve pmr_project', 'all open failures of a view'],
    ['resolve --kind invalid_event', 'all open failures of a kind'],
  ],
  builder: (parser) =>
    withWhy(
      parser
        .positional('view-or-ids', {
          type: 'string',
          array: true,
          default: [] as string[],
          describe: 'A view, or ids as datahub failures shows them',
        })
        .option('kind', { choices: ERROR_KINDS, describe: 'Only failures of this kind' }),
    ),
  run: async ({ viewOrIds, kind, why, json }, installation) => {
    const [view] = viewOrIds;
    if (view === undefined && kind === undefined) {
      throw new UsageError('Name a view, ids of failures, or --kind.');
    }
    const failures = failureIds(viewOrIds);
    if (failures !== null && failures.length > 0 && kind !== undefined) {
      throw new UsageError('--kind goes with a view or stands alone, not with ids of failures.');
    }
    const payload =
      failures === null
        ? { view, resolve: kind ?? true }
        : failures.length > 0
          ? { resolve: failures }
          : { resolve: kind };
    return printOutcome(await command(installation, payload, why), json);
  },
});
