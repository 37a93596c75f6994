import { withWhy } from '../arguments.ts';
import { command } from '../ask.ts';
import { defineCommand } from '../define-command.ts';
import { printOutcome } from '../output/outcome.ts';
import { timeArgument } from '../time-argument.ts';

export default defineCommand({
  command: 'pause <view>',
  describe: 'Stop a view for now',
  examples: [
    ['pause pmr_project --why "schema change"', 'until somebody resumes it'],
    ['pause pmr_project --until 2h', 'for two hours'],
  ],
  builder: (parser) =>
    withWhy(
      parser.positional('view', { type: 'string', demandOption: true }).option('until', {
        type: 'string',
        requiresArg: true,
        describe: 'When it ends by itself: a time, or a span such as 2h',
      }),
    ),
  run: async ({ view, until, why, json }, installation) => {
    const ends = until === undefined ? undefined : timeArgument('until', until, 'after now').toISOString();
    return printOutcome(await command(installation, { view, pause: true, until: ends }, why), json);
  },
});
