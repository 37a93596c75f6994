import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a command takes. */
export interface Usage {
  /** Its flags; of those of gcloud whether one takes a value. */
  flags: Map<string, boolean>;
  requiredFlags: string[];
  /** How many words it takes that belong to no flag. */
  least: number;
  most: number;
}

export const KNOWN_COMMANDS = join(import.meta.dirname, 'known-commands.txt');

/**
 * The recorded commands by their names, such as `gcloud functions call`. A line holds a command, its flags (`--data=` takes a value)
 * and its words in capitals; brackets are around what may be left out, dots after what may be repeated.
 */
export async function readKnownCommands(file = KNOWN_COMMANDS): Promise<Map<string, Usage>> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  return new Map(lines.filter((line) => line !== '' && !line.startsWith('#')).map(parseUsage));
}

export function parseUsage(line: string): [name: string, Usage] {
  const words = line.split(' ');
  const end = words.findIndex((word) => /^\[|^-|^[A-Z]/.test(word));
  const name = words.slice(0, end === -1 ? undefined : end).join(' ');
  const usage: Usage = { flags: new Map(), requiredFlags: [], least: 0, most: 0 };
  for (const word of end === -1 ? [] : words.slice(end)) {
    const isOptional = word.startsWith('[');
    const bare = word.replaceAll(/^\[|\]$/g, '');
    if (bare.startsWith('-')) {
      const flag = bare.replace(/=$/, '');
      usage.flags.set(flag, bare.endsWith('='));
      if (!isOptional) usage.requiredFlags.push(flag);
    } else {
      usage.least += isOptional ? 0 : 1;
      usage.most += bare.endsWith('...') ? Number.POSITIVE_INFINITY : 1;
    }
  }
  return [name, usage];
}
