import { withWhy } from '../arguments.ts';
import { command } from '../ask.ts';
import { defineCommand } from '../define-command.ts';
import { printOutcome } from '../output/outcome.ts';

export default defineCommand({
  command: 'resume <view>',
  describe: 'Let a paused or halted view run again',
  examples: [['resume pmr_project', 'its failed batches are captured again']],
  builder: (parser) => withWhy(parser.positional('view', { type: 'string', demandOption: true })),
  run: async ({ view, why, json }, installation) =>
    printOutcome(await command(installation, { view, resume: true }, why), json),
});
