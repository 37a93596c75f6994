import { printable } from '../../test/local/printable.ts';

/** Prints lines that are safe to print. */
export function print(lines: string | readonly string[]): void {
  process.stdout.write(`${[lines].flat().join('\n')}\n`);
}

/** Prints a value as JSON for a script. JSON leaves some characters as they are that a terminal obeys. */
export function printJson(value: unknown, { isLine = false } = {}): void {
  process.stdout.write(`${printable(JSON.stringify(value, null, isLine ? 0 : 2))}\n`);
}

/** Prints what does not belong to the result. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`);
}
