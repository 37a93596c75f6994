import type { Forecast } from '../../shared/operations/dry-run.ts';
import { withWhy } from '../arguments.ts';
import { ask, command } from '../ask.ts';
import { UsageError } from '../command-error.ts';
import { defineCommand } from '../define-command.ts';
import { printOutcome, wordsOf } from '../output/outcome.ts';
import { paragraph } from '../output/table.ts';
import { bold, oneLine } from '../output/text.ts';
import { show } from '../watch.ts';

export default defineCommand({
  command: 'run [view]',
  describe: 'Ask for a batch of a view, or of all, now',
  examples: [
    ['run', 'a tick: all views that are not stopped'],
    ['run pmr_project --wait', 'extract one view, and say what came of it'],
    ['run --dry-run', 'what a tick would do'],
  ],
  builder: (parser) =>
    withWhy(
      parser
        .positional('view', { type: 'string' })
        .option('wait', {
          type: 'boolean',
          default: false,
          describe: 'Wait until the batch of the view is staged',
        })
        .option('dry-run', {
          type: 'boolean',
          default: false,
          describe: 'Say what would happen; change nothing',
        })
        .check(({ view, wait }) => {
          if (wait && view === undefined) throw new UsageError('--wait needs a view.');
          return true;
        }),
    ),
  run: async ({ view, wait, dryRun, why, json }, installation) => {
    if (dryRun) {
      return await show({ json }, async () => {
        const answer = await ask<{ views: Forecast[] }>(installation, { dryRun: true, view });
        return { answer, lines: () => answer.views.flatMap(forecastLines) };
      });
    }
    if (view === undefined || wait) {
      // A tick and a batch by hand take no reason.
      return printOutcome(await ask(installation, view === undefined ? {} : { view }), json);
    }
    return printOutcome(await command(installation, { view, run: true }, why), json);
  },
});

function forecastLines({ view, would, advice, lastError, ...counts }: Forecast): string[] {
  const counted = Object.entries(counts).map(([name, count]) => `${wordsOf(name)} ${count}`);
  return [
    ...paragraph(`${bold(oneLine(view))} ${oneLine([would, ...counted].join(', '))}`),
    ...(lastError === undefined ? [] : paragraph(oneLine(`last error: ${lastError}`), '  ')),
    ...(advice === undefined ? [] : paragraph(oneLine(advice), '  ')),
  ];
}
