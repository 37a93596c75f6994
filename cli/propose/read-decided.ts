import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { CommandError } from '../command-error.ts';
import { oneLine } from '../output/text.ts';
import type { ProposedEntry } from './view-proposal.ts';

const lookup = z.looseObject({ table: z.string(), column: z.string(), references: z.string().optional() });
const entry = z.looseObject({
  name: z.string(),
  main_table: z.string().optional(),
  key_column: z.string().optional(),
  lookups: z.array(lookup).optional(),
});
/** As far as the tables of the views are concerned: the rest may still be undecided. */
const file = z.looseObject({ import: z.array(entry) });

/** Reads the entries of a file of view sources that may still have todos. Throws `CommandError` if it is none. */
export async function readDecided(path: string): Promise<ProposedEntry[]> {
  const fail = (error: Error): never => {
    throw new CommandError(`${oneLine(path)} cannot be read: ${error.message}`, { cause: error });
  };
  const text = await readFile(path, 'utf8').catch(fail);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (error) {
    return fail(error as Error);
  }
  const parsed = file.safeParse(content);
  if (parsed.success) return parsed.data.import as unknown as ProposedEntry[];
  const [issue] = parsed.error.issues;
  throw new CommandError(
    `${oneLine(path)} has no view sources: ${issue?.path.join('.') || 'the file'}: ${issue?.message}`,
  );
}
