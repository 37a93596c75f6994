import fc from 'fast-check';
import type { World } from './collapse-model.ts';
import type { KeyCase } from './key-cases.ts';

/** Random rows, log rows and a checkpoint. There are few keys, so that several log rows share one. */
export function anyWorld({ keys, spellings, badKeys }: KeyCase): fc.Arbitrary<World> {
  const key = fc.constantFrom(...keys);
  const objectId = fc.oneof(
    { weight: 6, arbitrary: key },
    ...(spellings.length === 0
      ? []
      : [
          {
            weight: 2,
            arbitrary: fc.tuple(key, fc.constantFrom(...spellings)).map(([of, spell]) => spell(of)),
          },
        ]),
    ...(badKeys.length === 0 ? [] : [{ weight: 1, arbitrary: fc.constantFrom(...badKeys) }]),
  );
  // `company` and `Odd Name` are no columns: the fields of columns with other names.
  const listed = fc.subarray(
    ['name', 'company_id', 'is_hidden', 'note', 'fax', 'updated_at', 'company', 'Odd Name'],
    { maxLength: 2 },
  );
  const values = fc.record({ old: fc.option(fc.oneof(key, objectId)), new: fc.option(key) });
  const readable = fc
    .tuple(listed, fc.option(values, { freq: 5 }), fc.boolean())
    .map(([columns, id, isKeyListed]) => ({
      json: {
        ...Object.fromEntries(columns.map((column) => [column, { old: 1, new: 2 }])),
        ...(isKeyListed && id !== null && { id }),
      },
    }));
  const unreadable = fc.constantFrom({ json: [] }, { json: 'name' }, { json: 5 }, { json: ['fax'] });
  const changedData = fc.oneof(
    { weight: 6, arbitrary: readable },
    { weight: 1, arbitrary: unreadable },
    { weight: 1, arbitrary: fc.constant({ json: null }) },
    { weight: 1, arbitrary: fc.constant(null) },
  );
  const action = fc.constantFrom<'added' | 'changed' | 'deleted'>(
    'added',
    'changed',
    'changed',
    'changed',
    'deleted',
  );
  const logRow = fc.oneof(
    fc.record({ type: fc.constant('item' as const), objectId, action, changedData }),
    fc.record({ type: fc.constant('item' as const), objectId, action, changedData }),
    fc.record({
      type: fc.constant('company' as const),
      objectId: fc.constantFrom('1', '2', ' 3', '4'),
      action,
      changedData,
    }),
    fc.record({ type: fc.constant('other' as const), objectId, action, changedData }),
  );
  return fc
    .record({
      items: fc.uniqueArray(
        fc.record({
          key,
          isHidden: fc.boolean(),
          companyId: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 2 }),
        }),
        { selector: (item) => item.key },
      ),
      rows: fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), logRow), { maxLength: 25 }),
      floorId: fc.nat(8),
      maturedAbove: fc.option(fc.integer({ min: 1, max: 20 })),
      isSeen: fc.array(fc.boolean(), { minLength: 25, maxLength: 25 }),
      maxLogRows: fc.integer({ min: 1, max: 12 }),
      maxReadRows: fc.integer({ min: 1, max: 24 }),
      maxNullRows: fc.nat(3),
      queuedKeys: fc.array(objectId, { maxLength: 3 }),
      skipsUntracked: fc.record({ item: fc.boolean(), company: fc.boolean() }),
    })
    .map(({ items, rows, floorId, maturedAbove, isSeen, ...given }) => {
      let id = 0;
      const log = rows.map(([distance, row]) => {
        id += distance;
        return { id, ...row };
      });
      const seen = log.filter((row, i) => isSeen[i] === true && row.id > floorId).map((row) => row.id);
      const maturedFloorId = maturedAbove === null ? null : floorId + maturedAbove;
      return { items, log, checkpoint: { floorId, seen, maturedFloorId }, ...given };
    });
}
