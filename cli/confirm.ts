import { createInterface } from 'node:readline/promises';
import { CommandError, UsageError } from './command-error.ts';
import type { Installation } from './installation.ts';
import { oneLine } from './output/text.ts';

/**
 * Asks a person to type a word, such as the name of the view, before a command that is hard to undo. With `--yes` it does not ask. Throws
 * `UsageError` where nobody can be asked, and `CommandError` for another word.
 */
export async function confirm(
  word: string,
  what: string,
  { yes, on }: { yes: boolean; on: Installation },
): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    throw new UsageError(`${what} It needs --yes here, since nobody can be asked.`);
  }
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    const typed = await lines.question(
      `${what}\nThis is for ${oneLine(on.name)}. Type ${oneLine(word)} to go on: `,
    );
    if (typed.trim() !== word) throw new CommandError('Nothing was changed.');
  } finally {
    lines.close();
  }
}
