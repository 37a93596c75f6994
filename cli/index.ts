import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { propose } from './commands/propose.ts';

// `npm run datahub -- <command>` is the command line of the operators, for the stack on a laptop and for the cloud.

/** Exit code 0: done; 1: it failed; 2: the command line is invalid. */
await yargs(hideBin(process.argv))
  .scriptName('datahub')
  .command(propose)
  .strict()
  .demandCommand(1)
  .help()
  .parseAsync();
