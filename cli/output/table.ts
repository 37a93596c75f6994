import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';
import { bold } from './text.ts';

/** A column of a table. Where the table is wider than the terminal, a column that `wraps` gets as narrow as that, and its cells take several lines. */
export type Column = { title: string; align?: 'right'; wraps?: number };

const GAP = '  ';
const MIN_PARAGRAPH = 20;

/**
 * Writes rows under the titles of their columns. Cells are safe to print, may have colours, and are measured as a terminal shows them: wide
 * characters take two places, and marks above or below a letter none.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = terminalWidth(),
): string[] {
  const widths = widthsOf(columns, rows, width);
  const head = renderRow(
    columns.map(({ title }) => bold(title)),
    columns,
    widths,
  );
  return [...head, ...rows.flatMap((row) => renderRow(row, columns, widths))];
}

/** How wide the table is if no cell is wrapped. */
export function naturalWidth(columns: readonly Column[], rows: readonly (readonly string[])[]): number {
  return total(naturalWidths(columns, rows));
}

/** Wraps a paragraph between an indent and the right edge of the terminal. */
export function paragraph(text: string, indent = ''): string[] {
  const width = Math.max(terminalWidth() - indent.length, MIN_PARAGRAPH);
  return wrapAnsi(text, width)
    .split('\n')
    .map((line) => `${indent}${line}`);
}

/** The columns of the terminal; without one, lines are as long as they need to be. */
export const terminalWidth = (): number =>
  process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;

const total = (widths: readonly number[]): number =>
  widths.reduce((sum, width) => sum + width, GAP.length * Math.max(widths.length - 1, 0));

const naturalWidths = (columns: readonly Column[], rows: readonly (readonly string[])[]): number[] =>
  columns.map(({ title }, index) =>
    Math.max(stringWidth(title), ...rows.map((row) => stringWidth(row[index] ?? ''))),
  );

/** Takes what is too much from the columns that wrap, the widest first. */
function widthsOf(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  available: number,
): number[] {
  const widths = naturalWidths(columns, rows);
  for (;;) {
    const spare = widths.map((width, index) => {
      const least = columns[index]?.wraps;
      return least !== undefined && width > least ? width : 0;
    });
    const widest = Math.max(...spare);
    if (total(widths) <= available || widest <= 0) return widths;
    widths[spare.indexOf(widest)] = widest - 1;
  }
}

function renderRow(
  cells: readonly string[],
  columns: readonly Column[],
  widths: readonly number[],
): string[] {
  const lines = cells.map((cell, index) =>
    stringWidth(cell) > (widths[index] ?? 0)
      ? wrapAnsi(cell, widths[index] ?? 0, { hard: true }).split('\n')
      : [cell],
  );
  const height = Math.max(...lines.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) =>
    columns
      .map(({ align }, index) => padded(lines[index]?.[line] ?? '', widths[index] ?? 0, align))
      .join(GAP)
      .trimEnd(),
  );
}

function padded(text: string, width: number, align: 'right' | undefined): string {
  const space = ' '.repeat(Math.max(width - stringWidth(text), 0));
  return align === 'right' ? `${space}${text}` : `${text}${space}`;
}
