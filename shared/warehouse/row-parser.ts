import { DataHubError } from '../errors.ts';
import type { TableShape } from '../model/columns.ts';

/** A parsed staged line: the view's columns by name, `action` and `etl_transaction_id`. */
export type StagedRow = Record<string, unknown>;

declare global {
  // From ES2026. Node 24 supports it, but TypeScript's libraries do not declare it yet.
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { source: string }) => unknown,
    ): unknown;
    rawJSON(text: string): object;
  }
}

/**
 * Returns a parser for the staged lines of a view. The value of a JSON column becomes its JSON text (for a REPEATED column, a list of
 * texts) with every number as it was written: JavaScript would round 9007199254740993, and turn 1.0 into 1, which BigQuery distinguishes.
 * The parser throws `staging_lost` for a line that is not a JSON object.
 */
export function createRowParser({
  view,
  columns,
}: Pick<TableShape, 'view' | 'columns'>): (line: string) => StagedRow {
  const jsonColumns = columns.filter(({ type }) => type === 'JSON');
  const parse = (line: string): StagedRow => {
    const row = parseObject(line);
    if (row !== null) return row;
    // JSON.parse's own message would quote the line.
    throw new DataHubError('staging_lost', `view ${view}: a staged line is not a JSON object`, {
      context: { view },
    });
  };
  if (jsonColumns.length === 0) return parse;
  return (line) => {
    const row = parse(line);
    const exact = JSON.parse(line, keepNumber) as StagedRow;
    for (const { name, mode } of jsonColumns) row[name] = jsonText(exact[name], mode === 'REPEATED');
    return row;
  };
}

function parseObject(line: string): StagedRow | null {
  try {
    const row: unknown = JSON.parse(line);
    return typeof row === 'object' && row !== null && !Array.isArray(row) ? (row as StagedRow) : null;
  } catch {
    return null;
  }
}

function keepNumber(_key: string, value: unknown, { source }: { source: string }): unknown {
  return typeof value === 'number' && String(value) !== source ? JSON.rawJSON(source) : value;
}

function jsonText(value: unknown, isRepeated: boolean): unknown {
  if (value === null || value === undefined) return value;
  if (isRepeated && Array.isArray(value)) return value.map((element) => jsonText(element, false));
  return JSON.stringify(value);
}
