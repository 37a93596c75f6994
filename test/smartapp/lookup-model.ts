import type { LookupName, Model } from './model.ts';

/** A lookup table whose names appear in source views. Only names change; rows are never added or deleted. */
export function lookupModel(
  name: LookupName,
  className: string,
  { table, nameColumn, contentTypeId }: { table: string; nameColumn: string; contentTypeId: number },
): Model {
  const refuse = () => {
    throw new Error(`${table} is a lookup; only its names change`);
  };
  return {
    name,
    className,
    table,
    contentTypeId,
    datetimeColumns: ['updated_at'],
    decimalColumns: [],
    parents: {},
    newFields: refuse,
    untrackedChange: refuse,
    trackedChange: (maker, row) => {
      const [original] = String(row[nameColumn]).split(' ~');
      return { [nameColumn]: `${original} ~${maker.random.between(1, 1e6)}` };
    },
  };
}
