import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LoadType } from '../../../shared/model/columns.ts';
import { isHashed } from '../../../shared/model/row-text.ts';
import { ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { useStack } from '../../support/use-installation.ts';
import {
  anyRow,
  entryOf,
  HASHED_COLUMNS,
  type HashedColumn,
  inLatin1,
  latin1Literal,
  nameOf,
  typesOf,
} from './hashed-columns.ts';
import { describeDifferences, rowHashes } from './row-hashes.ts';

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);
const RANDOM_ROWS = Number(process.env.ROWS ?? 40);

/** The rows of a database, as SQL literals of all its columns. `changes` has the column in which a row differs from the first one. */
type Rows = { columns: readonly HashedColumn[]; rows: { values: readonly string[]; changes?: number }[] };

/** One row, then one for each value of each column that differs from it only there, then random rows. */
function rowsOf(columns: readonly HashedColumn[], written = (literal: string) => literal): Rows {
  const first = columns.map(({ values }) => values[0] ?? 'null');
  const changed = columns.flatMap(({ values }, changes) =>
    values.slice(1).map((value) => ({ values: first.with(changes, value), changes })),
  );
  const random = fc.sample(anyRow(columns), { numRuns: RANDOM_ROWS, seed: SEED });
  return {
    columns,
    rows: [{ values: first }, ...changed, ...random.map((values) => ({ values: values.map(written) }))],
  };
}

/** Settings that write other texts, or read others. */
const GERMAN = {
  datestyle: 'German, DMY',
  intervalstyle: 'iso_8601',
  bytea_output: 'escape',
  extra_float_digits: '-5',
};
const SQL_DMY = { ...GERMAN, datestyle: 'SQL, DMY', intervalstyle: 'sql_standard' };

type World = {
  loadType: LoadType;
  rows: Rows;
  encoding?: string;
  timeZone?: string;
  database?: Record<string, string>;
};

const ROWS = rowsOf(HASHED_COLUMNS);

const WORLDS: Record<string, World> = {
  'merged, in UTF-8': { loadType: 'merge', rows: ROWS },
  'streamed, in UTF-8': { loadType: 'bq-storage-api', rows: ROWS },
  'merged, in LATIN1, with German dates': {
    loadType: 'merge',
    rows: rowsOf(inLatin1(HASHED_COLUMNS), latin1Literal),
    encoding: 'LATIN1',
    database: GERMAN,
    timeZone: 'Asia/Bangkok',
  },
  'streamed, with dates in SQL style': {
    loadType: 'bq-storage-api',
    rows: ROWS,
    database: SQL_DMY,
    timeZone: 'America/New_York',
  },
};

describe(`the text of a row (SEED=${SEED})`, () => {
  const stack = useStack();

  async function install({ loadType, rows: { columns }, encoding, timeZone, database = {} }: World) {
    const thing = await ThingView.install(stack, {
      loadType,
      columns: typesOf(columns),
      entry: entryOf(columns),
      settings: timeZone === undefined ? {} : { SOURCE_TIME_ZONE: timeZone },
      ...(encoding !== undefined && { encoding }),
    });
    const { rows } = await thing.on.source.database.query('select quote_ident(current_database()) as name');
    for (const [name, value] of Object.entries(database)) {
      await thing.on.source.database.query(`alter database ${rows[0].name} set ${name} = '${value}'`);
    }
    // A session keeps its own settings.
    if (Object.keys(database).length > 0) thing.on.become(await thing.on.anotherProcess());
    return thing;
  }

  /** Inserts the rows whose keys satisfy the condition, in their order; keys begin with 1. */
  async function insert(thing: ThingView, { columns, rows }: Rows, condition: (key: number) => boolean) {
    for (const [i, { values }] of rows.entries()) {
      if (!condition(i + 1)) continue;
      const cast = values.map((literal, c) => `${literal}::${columns[c]?.type}`);
      await thing.on.source.database.query(
        `insert into app_thing (id, ${columns.map((_, c) => nameOf(c)).join(', ')}) values (${i + 1}, ${cast.join(', ')})`,
      );
    }
  }

  /** Loads every second row, and then changes the others. */
  async function replicate(thing: ThingView, rows: Rows) {
    await insert(thing, rows, (key) => key % 2 === 0);
    await thing.replicate();
    await insert(thing, rows, (key) => key % 2 === 1);
    await thing.logAll();
    await thing.replicate();
  }

  /** The values of the target as BigQuery sends them, by key. */
  async function targetValues({ on }: ThingView): Promise<Map<string, unknown[]>> {
    const [job] = await on.bigquery.createQueryJob({
      query: 'select * except (update_at, etl_transaction_id) from SMartDataAnalytics.thing',
    });
    const [, , response] = await job.getQueryResults({ autoPaginate: false, skipParsing: true });
    const { rows } = response as { rows: { f: { v: unknown }[] }[] };
    return new Map(rows.map(({ f: [key, ...values] }) => [String(key?.v), values.map(({ v }) => v)]));
  }

  for (const [world, options] of Object.entries(WORLDS)) {
    describe(world, () => {
      let thing: ThingView;
      let hashes: Awaited<ReturnType<typeof rowHashes>>;

      before(async () => {
        thing = await install(options);
        await replicate(thing, options.rows);
        hashes = await rowHashes(thing.on, VIEW);
      });

      it('has the same hash, key and bucket on both sides', async () => {
        assert.equal(hashes.target.size, options.rows.rows.length);
        assert.deepEqual(await describeDifferences(thing.on, VIEW), []);
      });

      it('has another hash if a single value of the row is another', async () => {
        const values = await targetValues(thing);
        const hashed = hashes.view.columns.filter(isHashed).map(({ name }) => name);
        const wrong: string[] = [];
        for (const [c, { type }] of options.rows.columns.entries()) {
          if (!hashed.includes(nameOf(c))) continue;
          const keys = options.rows.rows.flatMap(({ changes }, i) =>
            i === 0 || changes === c ? [String(i + 1)] : [],
          );
          const written = (key: string) => JSON.stringify(values.get(key)?.[c]);
          const hashOf = (key: string) => hashes.target.get(key)?.hash ?? '';
          const pairs = keys.flatMap((one, i) => keys.slice(i + 1).map((other) => [one, other] as const));
          wrong.push(
            ...pairs
              .filter(([one, other]) => (written(one) === written(other)) !== (hashOf(one) === hashOf(other)))
              .map((pair) => `${nameOf(c)} ${type}: keys ${pair.join(' and ')}`),
          );
        }
        assert.deepEqual(wrong, []);
      });
    });
  }

  for (const [keyType, keys] of [
    ['bigint', ['-9223372036854775808', '-17', '0', '15', '9223372036854775807']],
    ['text', [`''`, `'a'`, `'A'`, `' a'`, `'กุญแจ😀'`, `'-17'`]],
    ['uuid', [`'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'`, `'00000000-0000-0000-0000-000000000000'`]],
  ] as const) {
    it(`has the same key and bucket on both sides if keys are of type ${keyType}`, async () => {
      const thing = await ThingView.install(stack, { loadType: 'merge', columns: { name: 'text' }, keyType });
      for (const key of keys) await thing.put(key);
      await thing.replicate();

      const { source, target } = await rowHashes(thing.on, VIEW);
      assert.equal(target.size, keys.length);
      assert.deepEqual(target, source);
    });
  }
});
