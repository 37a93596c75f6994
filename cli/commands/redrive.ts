import { withWhy } from '../arguments.ts';
import { command } from '../ask.ts';
import { defineCommand } from '../define-command.ts';
import { failureIds } from '../failure-ids.ts';
import { printOutcome } from '../output/outcome.ts';

export default defineCommand({
  command: 'redrive <view-or-ids..>',
  describe: 'Run a halted view, or send events, again',
  examples: [
    ['redrive pmr_project', 'after its cause is mended'],
    ['redrive 17 18', 'the events of two failures, by their ids'],
  ],
  builder: (parser) =>
    withWhy(
      parser.positional('view-or-ids', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'A view, or ids as datahub failures shows them',
      }),
    ),
  run: async ({ viewOrIds, why, json }, installation) => {
    const failures = failureIds(viewOrIds);
    const payload = failures === null ? { view: viewOrIds[0], redrive: true } : { redrive: failures };
    return printOutcome(await command(installation, payload, why), json);
  },
});
