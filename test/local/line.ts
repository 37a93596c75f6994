import { styleText } from 'node:util';
import { printable } from './printable.ts';

const LOOKS = {
  good: 'green',
  bad: 'red',
  warning: 'yellow',
  quiet: 'dim',
  strong: 'bold',
} as const satisfies Record<string, Parameters<typeof styleText>[0]>;

export type Look = keyof typeof LOOKS;

/** A line for people: text, or pieces of text that may have a look. No look says what the words do not say. */
export type Line = string | readonly (string | readonly [Look, string])[];

export type Say = (line: Line) => void;

/** The words of a line. */
export const wordsOf = (line: Line): string =>
  typeof line === 'string'
    ? line
    : line.map((piece) => (typeof piece === 'string' ? piece : piece[1])).join('');

/**
 * The line as the stream shows it, in colour where the stream is a terminal that wants colours (NO_COLOR, FORCE_COLOR). What a payload or a
 * row contains is shown, not obeyed.
 */
export function painted(line: Line, stream: NodeJS.WritableStream): string {
  const pieces = typeof line === 'string' ? [line] : line;
  return pieces
    .map((piece) =>
      typeof piece === 'string'
        ? printable(piece)
        : styleText(LOOKS[piece[0]], printable(piece[1]), { stream }),
    )
    .join('');
}
