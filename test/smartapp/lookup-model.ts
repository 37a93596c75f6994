import type { LookupName, Model } from './model.ts';

/** A model of names that source views show. Only its name changes; nothing is ever added to it or deleted from it. */
export function lookupModel(
  name: LookupName,
  className: string,
  { table, nameColumn, contentTypeId }: { table: string; nameColumn: string; contentTypeId: number },
): Model {
  const refuse = () => {
    throw new Error(`${table} is a lookup: only its names change`);
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
