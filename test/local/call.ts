import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { onClosedOutput } from '../support/closed-output.ts';
import { dataFolderOf, UsageError } from './arguments.ts';
import { findRunningStack } from './data-folder.ts';
import { callFunction, isFailure } from './functions.ts';
import { printable } from './printable.ts';

// `npm run call -- extract '{"view":"pmr_project"}'` calls a function of the running `npm start`, as
// `gcloud functions call extract --data '{"view":"pmr_project"}'` does in the cloud.

const USAGE = `Usage: npm run call -- <function> [<json> | @<file>] [--data <folder>]

Calls a function of the running npm start and prints its answer.

  <function>       extract, merge, stream or reconcile
  <json>           the payload; {} if it is left out
  @<file>          a file that contains the payload
  --data <folder>  the data folder of that npm start, if it is not .data
  --help, -h       print this text

Examples:

  npm run call -- extract '{"dryRun":true}'
  npm run call -- extract @payload.json
  npm run call -- reconcile '{"view":"pmr_project","repair":true}'`;

onClosedOutput(() => process.exit(1));
process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  if (error instanceof UsageError) return invalid(`${error.message}\n\n${USAGE}`);
  console.error(printable(error.message));
  return 1;
});

/** Exit code 0: the function succeeded; 1: it failed or did not answer; 2: the command line is invalid. */
async function main(args: string[]): Promise<number> {
  const options = { data: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    return invalid(`${(error as Error).message}\n\n${USAGE}`);
  }
  const { values, positionals } = parsed;
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const [name, payloadText = '{}', ...rest] = positionals;
  if (name === undefined || rest.length > 0) return invalid(USAGE);

  const folder = dataFolderOf(values.data);
  const stack = await findRunningStack(folder);
  if (stack === null)
    throw new Error(
      `No npm start runs on the data folder ${folder}. Start one in another terminal, or name its folder with --data.`,
    );
  const names = Object.keys(stack.functions);
  if (names.length === 0)
    throw new Error(
      'npm start is not ready yet. Try again when it has printed the addresses of the functions.',
    );
  const url = stack.functions[name];
  if (name === 'admin') return invalid('admin is called by a browser: npm start prints its address first.');
  if (url === undefined)
    return invalid(`There is no function ${name}. The functions are ${names.join(', ')}.`);

  let payload: unknown;
  try {
    const text = payloadText.startsWith('@') ? await readFile(payloadText.slice(1), 'utf8') : payloadText;
    payload = JSON.parse(text);
  } catch (error) {
    const problem = error instanceof SyntaxError ? 'The payload is not JSON' : 'The payload cannot be read';
    return invalid(`${problem}: ${(error as Error).message}`);
  }
  const answer = await callFunction(url, payload);
  console.log(printable(JSON.stringify(answer, null, 2)));
  return isFailure(answer) ? 1 : 0;
}

function invalid(message: string): number {
  console.error(printable(message));
  return 2;
}
