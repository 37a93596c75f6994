import { viewNames } from './ask.ts';
import { openStack } from './connection/local-stack.ts';

type Done = (completions: string[]) => void;
type Defaults = (onCompleted?: (error: Error | null, completions: string[] | undefined) => void) => void;

/** Commands whose first argument is a view. */
const TAKE_VIEW = new Set([
  'status',
  'history',
  'row',
  'check',
  'run',
  'pause',
  'resume',
  'redrive',
  'resync',
  'recheck',
  'reconcile',
  'forget',
  'load-type',
]);

/** Completes names of views of the running `npm start`, besides commands and options. In the cloud, a token would take too long. */
export function completeViews(
  current: string,
  argv: { _: (string | number)[]; data?: string },
  defaults: Defaults,
  done: Done,
): void {
  defaults((_, completions = []) => {
    // The first word is the name of the program, and the last is the one to complete.
    const words = argv._.slice(1).map(String);
    const before = current === '' ? words : words.slice(0, -1);
    if (!TAKE_VIEW.has(before.at(-1) ?? '') || current.startsWith('-')) return done(completions);
    void openStack(argv.data)
      .then(viewNames)
      .catch(() => [])
      .then((names) => done(names.filter((name) => name.startsWith(current))));
  });
}
