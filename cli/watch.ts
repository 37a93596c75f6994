import { setTimeout as elapse } from 'node:timers/promises';
import { CommandError, EXIT, type ExitCode } from './command-error.ts';
import { print, printJson } from './output/print.ts';
import { faint, oneLine } from './output/text.ts';

const INTERVAL_MS = 2000;
/** Clears the screen. */
const CLEAR = '\u001b[H\u001b[2J';

/** What a command shows: the answer for scripts, lines for people, and the exit code. */
export type Shown = { answer: object; lines: () => string[]; exitCode?: ExitCode };

/**
 * Shows it once, or again and again until Ctrl-C. On a terminal each replaces the one before; otherwise they follow each other, and with
 * `--json` each takes one line.
 */
export async function show(
  { json, watch = false }: { json: boolean; watch?: boolean },
  read: () => Promise<Shown>,
): Promise<ExitCode> {
  if (!watch) {
    const { answer, lines, exitCode } = await read();
    if (json) printJson(answer);
    else print(lines());
    return exitCode ?? EXIT.done;
  }
  for (;;) {
    const shown = await read().catch((error: unknown): Shown => {
      if (!(error instanceof CommandError)) throw error;
      return { answer: { error: { message: error.message } }, lines: () => [oneLine(error.message)] };
    });
    if (json) printJson(shown.answer, { isLine: true });
    else {
      const time = faint(
        `${new Date().toLocaleTimeString('en-GB')}, every ${INTERVAL_MS / 1000} s; Ctrl-C ends`,
      );
      print([
        process.stdout.isTTY ? `${CLEAR}${time}` : time,
        '',
        ...shown.lines(),
        ...(process.stdout.isTTY ? [] : ['']),
      ]);
    }
    await elapse(INTERVAL_MS);
  }
}
