import type { Column } from './columns.ts';
import { isHashed } from './row-text.ts';
import { isSameValue } from './same-value.ts';

/** A row of one side: the texts by which its hashed columns are compared, and the values of all its columns as JSON, in their order. */
type ComparedValues = { texts: readonly (string | null)[]; values: readonly (string | null)[] };

/** The names of the columns in which a row of the view and its copy in the target differ. */
export function differingColumns(
  source: ComparedValues,
  target: ComparedValues,
  columns: readonly Column[],
): string[] {
  let hashed = 0;
  return columns
    .filter((column, i) => {
      if (!isHashed(column)) {
        return !isSameValue(column.type, source.values[i] ?? null, target.values[i] ?? null);
      }
      const place = hashed++;
      return source.texts[place] !== target.texts[place];
    })
    .map(({ name }) => name);
}
