import { writeFile } from 'node:fs/promises';
import { CommandError } from './command-error.ts';
import { oneLine } from './output/text.ts';

/** Writes a file that somebody asked for. Throws `CommandError` saying why it cannot be written; `wx` overwrites none. */
export async function writeResult(file: string, content: string, flag: 'w' | 'wx' = 'w'): Promise<void> {
  await writeFile(file, content, { flag }).catch((error: Error) => {
    throw new CommandError(`The file ${oneLine(file)} cannot be written: ${error.message}`, { cause: error });
  });
}
