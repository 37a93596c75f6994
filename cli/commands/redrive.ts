import { withWhy } from '../arguments.ts';
import { command } from '../ask.ts';
import { defineCommand } from '../define-command.ts';
import { failureIds } from '../failure-ids.ts';
import { printOutcome } from '../output/outcome.ts';

export default defineCommand({
  command: 'redrive <view-or-failures..>',
  describe: 'Run a halted view again at once, or send failed events again',
  examples: [
    ['redrive pmr_project', 'after its cause is mended'],
    ['redrive 17 18', 'the events of two failures, by their ids'],
  ],
  builder: (parser) =>
    withWhy(
      parser.positional('view-or-failures', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'A view, or ids as datahub failures shows them',
      }),
    ),
  run: async ({ viewOrFailures, why, json }, installation) => {
    const failures = failureIds(viewOrFailures);
    const payload = failures === null ? { view: viewOrFailures[0], redrive: true } : { redrive: failures };
    return printOutcome(await command(installation, payload, why), json);
  },
});
