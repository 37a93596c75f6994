import type { z } from 'zod';

/** A fault of a schema in plain words, to follow the name of a field. */
export function plainFault({ message }: Pick<z.core.$ZodIssue, 'message'>): string {
  const wrongType = /^Invalid input: expected (.+), received (.+)$/.exec(message);
  if (wrongType === null) return message.replace(/^(Invalid|Unrecognized|Too)/, (word) => word.toLowerCase());
  const [, expected = '', received = ''] = wrongType;
  return received === 'undefined'
    ? 'is missing'
    : `must be ${NAMES[expected] ?? expected}, not ${NAMES[received] ?? received}`;
}

const NAMES: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a text',
};

/** The place of a fault in a file, such as `entry 2 (pmr_project), lookups, 1, column`. `given` is the content of the file. */
export function placeOf(path: readonly PropertyKey[], given: unknown): string {
  const [first, index, ...rest] = path;
  if (first !== 'import' || typeof index !== 'number') return path.map(String).join(', ');
  const entry = (given as { import: unknown[] }).import[index];
  const name =
    typeof entry === 'object' && entry !== null && 'name' in entry ? ` (${String(entry.name)})` : '';
  const inside = rest.map((part) => (typeof part === 'number' ? String(part + 1) : String(part)));
  return [`entry ${index + 1}${name}`, ...inside].join(', ');
}
