import { differingColumns } from '../../model/differing-columns.ts';
import { isHashed } from '../../model/row-text.ts';
import type { RowLookup } from './look-up-row.ts';

/** A column of a row on both sides: the JSON of its values. Undefined where a side does not have the column, or the row, or was not read. */
export type ComparedColumn = {
  name: string;
  type: string;
  source: string | null | undefined;
  target: string | null | undefined;
  /** Null if only one side is known. */
  isDifferent: boolean | null;
};

/** The columns of the row on both sides, in the order of the view. A row that is marked as deleted counts as none. */
export function comparedColumns({ source, target }: Pick<RowLookup, 'source' | 'target'>): ComparedColumn[] {
  const row = source.value?.rows[0];
  const copy = target.value?.rows?.find(({ isDeleted }) => !isDeleted);
  const ofView = source.value?.view.columns ?? [];
  const ofTarget = target.value?.columns ?? [];
  // The columns that both have, in the order in which both were read.
  const common = ofView.filter(({ name }) => ofTarget.some((column) => column.name === name));
  const different =
    row !== undefined && copy !== undefined
      ? new Set(differingColumns(pick(row, ofView, common), copy, common))
      : null;
  const columns = ofView.length > 0 ? ofView : ofTarget;
  return columns.map(({ name, type, mode }) => ({
    name,
    type: mode === 'REPEATED' ? `ARRAY<${type}>` : type,
    source: row?.values[ofView.findIndex((column) => column.name === name)],
    target: copy?.values[ofTarget.findIndex((column) => column.name === name)],
    isDifferent:
      different === null || !common.some((column) => column.name === name) ? null : different.has(name),
  }));
}

type Values = { texts: (string | null)[]; values: (string | null)[] };
type Columns = readonly Parameters<typeof differingColumns>[2][number][];

/** The texts and values of some of the columns of a row. */
function pick({ texts, values }: Values, all: Columns, wanted: Columns): Values {
  const hashed = all.filter(isHashed);
  return {
    texts: wanted.filter(isHashed).map((column) => texts[hashed.indexOf(column)] ?? null),
    values: wanted.map((column) => values[all.indexOf(column)] ?? null),
  };
}
