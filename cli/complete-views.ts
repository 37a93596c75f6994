import { viewNames } from './ask.ts';
import { openStack } from './connection/local-stack.ts';

type Done = (completions: string[]) => void;
type Defaults = (onCompleted: (error: Error | null, completions: string[] | undefined) => void) => void;

/** How the completion script of a shell asks: the words of the line follow. */
const REQUEST = '--get-yargs-completions';

/** Commands whose first argument is a view. */
const TAKE_VIEW = new Set([
  'status',
  'history',
  'failures',
  'row',
  'logs',
  'check',
  'run',
  'pause',
  'resume',
  'redrive',
  'resolve',
  'resync',
  'recheck',
  'reconcile',
  'forget',
  'load-type',
]);

/**
 * Completes names of views of the running `npm start`, or whatever yargs completes. In the cloud, a token would take too long. The names are
 * read before, since yargs does not wait for them.
 */
export async function viewCompletion(args: readonly string[]) {
  const names = await completedNames(args);
  return (_current: string, _argv: unknown, defaults: Defaults, done: Done): void =>
    defaults((_, completions = []) => done(names ?? completions));
}

/** Null where no view is to be completed. */
async function completedNames(args: readonly string[]): Promise<string[] | null> {
  const request = args.indexOf(REQUEST);
  if (request < 0) return null;
  // After the name of the program.
  const words = args.slice(request + 2);
  const current = words.at(-1) ?? '';
  const data = words.indexOf('--data');
  const folder = data < 0 ? undefined : words[data + 1];
  const before = words.slice(0, -1).filter((_, index) => data < 0 || (index !== data && index !== data + 1));
  if (current.startsWith('-') || !TAKE_VIEW.has(before.at(-1) ?? '')) return null;
  const names = await openStack(folder)
    .then(viewNames)
    .catch(() => []);
  return names.filter((name) => name.startsWith(current));
}
