import assert from 'node:assert/strict';
import pg from 'pg';
import { useStack } from '../../support/use-installation.ts';
import { LOAD_TYPES, ThingView } from './thing-view.ts';

/** Texts that break if some step quotes, trims, folds, normalizes or splits them wrongly. */
const TEXT_KEYS = [
  '',
  ' ',
  ' a',
  'a ',
  'A',
  'a',
  'é',
  'e\u0301',
  `it's`,
  '"quoted"',
  '`backticked`',
  'a,b',
  '{a}',
  '{"a": 1}',
  'NULL',
  'null',
  '\\',
  '\\N',
  '\\x41',
  `\\' or 1=1 --`,
  'two\nlines',
  'a\ttab\u0001\u0002',
  '%s',
  '$1',
  '\u2028',
  '🔧',
  'กุญแจ',
  'x'.repeat(5000),
];

type KeyCase = {
  /** The keys as SQL literals. */
  keys: string[];
  /** The object id in the log, as an SQL expression, where it is not the key's text. */
  objectId?: (key: string) => string;
};

const KEY_TYPES: Record<string, KeyCase> = {
  smallint: { keys: [`'-32768'`, '0', '32767'] },
  integer: { keys: [`'-2147483648'`, `'-1'`, '2147483647'] },
  bigint: {
    keys: [
      `'-9223372036854775808'`,
      `'-9007199254740993'`,
      '9007199254740992',
      '9007199254740993',
      '9223372036854775807',
    ],
    objectId: (key) => `' ' || (${key})::text || ' '`,
  },
  uuid: {
    keys: [
      `'00000000-0000-0000-0000-000000000000'`,
      `'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'`,
      `'ffffffff-ffff-ffff-ffff-ffffffffffff'`,
    ],
    objectId: (key) => `upper(${key})`,
  },
  text: { keys: TEXT_KEYS.map((key) => pg.escapeLiteral(key)) },
  'varchar(5000)': { keys: TEXT_KEYS.map((key) => pg.escapeLiteral(key)) },
};

describe('keys of every type, with limits and unusual characters', () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    for (const [keyType, { keys, objectId }] of Object.entries(KEY_TYPES)) {
      it(`I1 are found by the object id in the log: ${keyType}, ${loadType}`, async () => {
        const thing = await ThingView.install(stack, { loadType, keyType, columns: { note: 'text' } });
        const log = (key: string) => thing.log(key, objectId?.(key));
        for (const key of keys) await thing.put(key, { note: `'old'` });
        await thing.replicate();
        await thing.assertEqual();

        const [gone, ...kept] = keys;
        assert.ok(gone !== undefined);
        await thing.on.source.database.query(
          `update app_thing set note = 'new'; delete from app_thing where id = ${gone}`,
        );
        for (const key of keys) await log(key);
        await thing.replicate();
        await thing.assertEqual();
        const { rows } = await thing.on.source.database.query('select count(*)::int as count from app_thing');
        assert.equal(rows[0].count, kept.length);

        await thing.put(gone, { note: `'back'` });
        await log(gone);
        await thing.replicate();
        await thing.assertEqual();
      });
    }
  }

  const named: [keyType: string, key: string, named: string][] = [
    ['bigint', `'-9223372036854775808'`, '-9223372036854775808'],
    ['uuid', `'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    ['text', `''`, '""'],
    ['text', `' a, "b"; key 2'`, String.raw`" a, \"b\"; key 2"`],
    ['text', `E'two\\nlines'`, String.raw`"two\nlines"`],
    ['text', `repeat('x', 5000)`, `"${'x'.repeat(100)}"…`],
  ];
  for (const [keyType, key, text] of named) {
    it(`I9 cannot be mistaken for other words of an error message: ${keyType} ${key}`, async () => {
      const thing = await ThingView.install(stack, { loadType: 'merge', keyType, columns: { day: 'date' } });
      await thing.put(key, { day: `'infinity'` });

      await assert.rejects(thing.stage(), {
        message: `view thing_view: key ${text}, column day: the value is infinite or outside the years 1 to 9999`,
      });
    });
  }
});
