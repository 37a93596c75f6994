import { EXIT, type ExitCode } from '../command-error.ts';
import { adviceLine } from './advice.ts';
import { print, printJson } from './print.ts';
import { paragraph } from './table.ts';
import { badge, oneLine } from './text.ts';

type Answer = { outcome: string; view?: string; reason?: string; advice?: string } & Record<string, unknown>;

/** Prints what an operation did: the outcome, the view, the rest of the answer, and its advice. What was skipped has failed. */
export function printOutcome(answer: object, json: boolean): ExitCode {
  const { outcome, view, advice, ...rest } = answer as Answer;
  const isSkipped = outcome === 'skipped' || outcome === 'busy';
  const exitCode = isSkipped ? EXIT.failed : EXIT.done;
  if (json) {
    printJson(answer);
    return exitCode;
  }
  const details = Object.entries(rest)
    .filter(([, value]) => value !== null && !(Array.isArray(value) && value.length === 0))
    .map(([name, value]) => `${wordsOf(name)} ${textOf(value)}`);
  const head = [view, ...details].filter((part) => part !== undefined).map(oneLine);
  print([
    ...paragraph(
      `${badge(isSkipped ? 'warning' : 'good', outcome)}${head.length === 0 ? '' : `: ${head.join(', ')}`}`,
    ),
    ...(advice === undefined ? [] : paragraph(adviceLine(advice))),
  ]);
  return exitCode;
}

/** `keysQueued` → `keys queued` */
export const wordsOf = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function textOf(value: unknown): string {
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) return value.join(' ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
