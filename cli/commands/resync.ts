import { withWhy, withYes } from '../arguments.ts';
import { ask, command } from '../ask.ts';
import { confirm } from '../confirm.ts';
import { defineCommand } from '../define-command.ts';
import { printOutcome } from '../output/outcome.ts';
import { oneLine } from '../output/text.ts';

export default defineCommand({
  command: 'resync <view>',
  describe: 'Load a whole view again',
  examples: [
    ['resync pmr_project', 'asks before'],
    ['resync pmr_project --yes --accept-deletes', 'does not ask; it may delete any number of rows'],
    ['resync pmr_project --withdraw', 'withdraw one that has not begun'],
  ],
  builder: (parser) =>
    withYes(
      withWhy(
        parser
          .positional('view', { type: 'string', demandOption: true })
          .option('accept-deletes', {
            type: 'boolean',
            describe: 'Accept that it deletes any number of rows',
          })
          .option('withdraw', { type: 'boolean', describe: 'Withdraw a request' })
          .conflicts('withdraw', 'accept-deletes'),
      ),
    ),
  run: async ({ view, acceptDeletes = false, withdraw, why, yes, json }, installation) => {
    if (withdraw) return printOutcome(await command(installation, { view, resync: false }, why), json);
    // An unknown view is refused before somebody is asked about it.
    await ask(installation, { status: true, view });
    const deletes = acceptDeletes ? ', however many they are' : '';
    await confirm(
      view,
      `The next batch of ${oneLine(view)} carries every row of the view, at the cost of a first load, and deletes the rows of the target that the view does not have${deletes}.`,
      { yes, on: installation },
    );
    const payload = { view, resync: true, ...(acceptDeletes && { acceptDeletes }) };
    return printOutcome(await command(installation, payload, why), json);
  },
});
