import { withWhy } from '../arguments.ts';
import { command } from '../ask.ts';
import { defineCommand } from '../define-command.ts';
import { printOutcome } from '../output/outcome.ts';
import { timeArgument } from '../time-argument.ts';

export default defineCommand({
  command: 'recheck <view>',
  describe: 'Fetch the keys logged since a time again',
  examples: [['recheck pmr_project --since 2h', 'those of the last two hours']],
  builder: (parser) =>
    withWhy(
      parser.positional('view', { type: 'string', demandOption: true }).option('since', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'A time, or a span such as 2h',
      }),
    ),
  run: async ({ view, since, why, json }, installation) => {
    const recheck = timeArgument('since', since, 'before now').toISOString();
    return printOutcome(await command(installation, { view, recheck }, why), json);
  },
});
