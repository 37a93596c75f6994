import assert from 'node:assert/strict';
import fc from 'fast-check';
import pg from 'pg';
import type { ColumnWriter, RowBlock, RowWriter } from '../../../shared/model/column-writer.ts';
import type { Column } from '../../../shared/model/columns.ts';
import type { DecimalGroups } from '../../../shared/model/decimal-groups.ts';
import { isHashed } from '../../../shared/model/row-text.ts';
import { shownValue } from '../../../shared/source/compare-rows.ts';
import { TupleEncoder } from '../../../shared/source/decode/encode-rows.ts';
import { describeView, type SourceView } from '../../../shared/source/describe-view.ts';
import { copyRows, type RowSet, upsertRows, upsertsStatement } from '../../../shared/source/fetch.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { ARBITRARY_TEXT } from '../../faults/bad-data/arbitrary-text.ts';
import { MALFORMED_DATETIMES, TYPES, UNREPRESENTABLE } from './example-values.ts';
import { makeViewSource } from './make-view-source.ts';
import { CONTENT_TYPE_TABLE, useSource } from './use-source.ts';
import { EXAMPLE_SCHEMA } from './valued-view.ts';

const WHOLE: RowSet = { kind: 'slice', slice: { from: null, to: null }, isDirectLoad: false };
const ROWS = Number(process.env.ROWS ?? 150);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000_000);

const jsonNumber = fc
  .tuple(
    fc.constantFrom('', '-'),
    fc.bigInt({ min: 0n, max: 10n ** 22n }),
    fc.stringMatching(/^(\.[0-9]{1,25})?$/),
    fc.stringMatching(/^([eE][+-]?[0-9]{1,3})?$/),
  )
  .map((parts) => parts.join(''));
const anyMoment = fc
  .integer({ min: -4000, max: 12_000 })
  .map((year) =>
    year > 0 ? `${String(year).padStart(4, '0')}-06-07` : `${String(1 - year).padStart(4, '0')}-06-07 BC`,
  );

/** Values of which BigQuery may hold some and others not. */
const DOUBTFUL: Record<string, fc.Arbitrary<string>> = {
  json: fc.oneof(
    jsonNumber,
    fc.array(jsonNumber).map((all) => `{"a":[${all.join(', ')}],"a":${all[0] ?? 'null'}}`),
  ),
  jsonb: fc.oneof(
    jsonNumber,
    fc.array(jsonNumber).map((all) => `[${all.join(',')}]`),
  ),
  numeric: fc
    .tuple(fc.bigInt({ min: -(10n ** 41n), max: 10n ** 41n }), fc.stringMatching(/^(\.[0-9]{1,42})?$/))
    .map((parts) => parts.join('')),
  date: anyMoment,
  timestamp: anyMoment,
  timestamptz: anyMoment,
};

type Sampled = { type: string; literals: (string | null)[] };

/** Every type with values that it can hold, that it cannot, and NULL. */
function columns(): Sampled[] {
  const sampled = [...Object.entries(ARBITRARY_TEXT), ...Object.entries(DOUBTFUL)].map(([type, any]) => ({
    type,
    literals: fc.sample(any, { numRuns: ROWS, seed: SEED }).map((text) => pg.escapeLiteral(text)),
  }));
  const examples = [
    ...TYPES.map(([type, , values]) => ({ type, literals: values.map(([literal]) => literal) })),
    ...UNREPRESENTABLE.map(([type, literal]) => ({ type, literals: [literal] })),
  ];
  return [...sampled, ...examples].map(({ type, literals }) => ({ type, literals: [null, ...literals] }));
}

describe(`what the encoder makes of a value and what the check makes of it in SQL (SEED=${SEED})`, () => {
  const source = useSource(EXAMPLE_SCHEMA);
  const all = columns();

  before(async () => {
    const count = Math.max(...all.map(({ literals }) => literals.length));
    await source.pool.query(
      `create table valued_row (item_id bigint primary key, ${all.map(({ type }, i) => `c${i} ${type}`).join(', ')})`,
    );
    for (let row = 0; row < count; row += 1) {
      const values = all.map(({ literals, type }) => `${literals[row] ?? 'null'}::${type}`);
      await source.pool.query(`insert into valued_row values (${row}, ${values.join(', ')})`);
    }
    await source.pool.query('create view valued as select * from valued_row');
  });

  const named = <T>(value: T): Record<string, T> => Object.fromEntries(all.map((_, i) => [`c${i}`, value]));

  for (const policy of ['null', 'string'] as const) {
    it(`I9 are the same for every type, under the policy ${policy}`, async () => {
      const { encoded, sql, view, replaced, refused } = await bothSides({ unrepresentable: named(policy) });
      for (const [i, { name, type }] of view.columns.entries()) {
        const written = all[i - 1]?.type ?? 'the key';
        assert.deepEqual(encoded[i], sql[i], `column ${name}, a ${written} as ${type}`);
      }
      assert.deepEqual(replaced, refused);
    });
  }

  it('I9 are the same for texts that the configuration calls times', async () => {
    await source.pool.query('create table text_row (item_id bigint primary key, value text)');
    const texts = [
      ...MALFORMED_DATETIMES,
      ...fc.sample(ARBITRARY_TEXT.timestamp ?? fc.constant(''), { numRuns: ROWS, seed: SEED }),
    ];
    await source.pool.query(
      'insert into text_row select i, value from unnest($1::text[]) with ordinality as t (value, i)',
      [
        texts.map((text) =>
          text.replace(/\.\d+$/, (fraction) => fraction.slice(0, 1 + (text.length % 7))).replace(/\.$/, ''),
        ),
      ],
    );
    await source.pool.query('create view texts as select * from text_row');
    const { encoded, sql } = await bothSides({
      name: 'texts',
      datetimeColumns: ['value'],
      unrepresentable: { value: 'null' },
    });
    assert.deepEqual(encoded, sql);
    assert.ok(encoded[1]?.some((value) => value === null) && encoded[1].some((value) => value !== null));
  });

  async function bothSides(differing: object) {
    return await inSnapshot(source.pool, async (client) => {
      const view = await describeView(
        client,
        makeViewSource({ name: 'valued', mainTable: 'valued_row', ...differing }),
        CONTENT_TYPE_TABLE,
      );
      const rows = upsertRows(view, WHOLE);
      const writer = new TextRows(view.columns.map(({ mode }) => mode));
      const encoder = new TupleEncoder(rows, writer);
      await copyRows(client, upsertsStatement(view, WHOLE), async (chunks) => {
        for await (const _ of encoder.blocks(chunks));
      });
      assert.deepEqual(encoder.refusals.named, []);
      return {
        view,
        encoded: await normalised(client, view, writer.texts),
        sql: await normalised(client, view, await sqlTexts(client, view)),
        replaced: encoder.replaced.unrepresentable,
        refused: await sqlRefused(client, view),
      };
    });
  }
});

type Text = string | null | (string | null)[];

/** What the check compares, by column and in the order of the keys. */
async function sqlTexts(client: pg.ClientBase, view: SourceView): Promise<Text[][]> {
  const texts: Text[][] = [];
  for (const column of view.columns) {
    const shown = isHashed(column) ? `to_json(${column.text})` : `to_json(${shownValue(column)})`;
    const { rows } = await client.query(`select ${shown} as shown from ${view.relation} v order by item_id`);
    const isList = column.mode === 'REPEATED' && !isHashed(column);
    texts.push(
      rows.map(({ shown: value }) =>
        isList ? (JSON.parse(value) as unknown[]).map((each) => JSON.stringify(each)) : (value as Text),
      ),
    );
  }
  return texts;
}

async function sqlRefused(client: pg.ClientBase, view: SourceView): Promise<number[]> {
  const counts: number[] = [];
  for (const { unrepresentable } of view.columns) {
    const when = unrepresentable?.when ?? 'false';
    const { rows } = await client.query(
      `select count(*) filter (where ${when})::int as n from ${view.relation} v`,
    );
    counts.push(rows[0].n as number);
  }
  return counts;
}

/** Both databases write numbers and JSON in several ways. */
async function normalised(
  client: pg.ClientBase,
  { columns: all }: SourceView,
  texts: Text[][],
): Promise<Text[][]> {
  const result: Text[][] = [];
  for (const [i, { type }] of all.entries()) {
    const each = async (text: Text): Promise<Text> => {
      if (text === null) return null;
      if (Array.isArray(text)) return (await Promise.all(text.map(each))) as string[];
      if (type === 'FLOAT64') {
        const number = Number(text.replace(/^"(.*)"$/, '$1'));
        return Object.is(number, -0) ? '-0' : String(number);
      }
      if (type !== 'JSON') return text;
      return (await client.query('select $1::jsonb::text as json', [text])).rows[0].json as string;
    };
    const column: Text[] = [];
    for (const text of texts[i] ?? []) column.push(await each(text));
    result.push(column);
  }
  return result;
}

/** Keeps the texts by which values are compared (`shared/model/row-text.ts`), by column. */
class TextRows implements RowWriter {
  readonly columns: readonly TextColumn[];

  constructor(modes: readonly Column['mode'][]) {
    this.columns = modes.map((mode) => new TextColumn(mode === 'REPEATED'));
  }
  /** In the order of the keys. */
  get texts(): Text[][] {
    const keys = this.columns[0]?.texts.map(Number) ?? [];
    const inOrder = keys.map((_, i) => i).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
    return this.columns.map(({ texts }) => inOrder.map((i) => texts[i] ?? null));
  }
  beginRow(): void {}
  mark(): number {
    return this.columns[0]?.texts.length ?? 0;
  }
  rewind(): void {
    for (const column of this.columns) column.forgetUnfinished();
  }
  endRow(): boolean {
    for (const column of this.columns) column.finish();
    return true;
  }
  dropRow(): void {}
  isFull = (): boolean => false;
  takeBlock = (): RowBlock | null => null;
}

class TextColumn implements ColumnWriter {
  readonly texts: Text[] = [];
  #current: Text | undefined;
  #list: string[] | null = null;
  readonly #isRepeated: boolean;

  constructor(isRepeated: boolean) {
    this.#isRepeated = isRepeated;
  }

  finish(): void {
    this.texts.push(this.#current ?? null);
    this.#current = undefined;
  }
  forgetUnfinished(): void {
    this.#list = null;
  }
  #add(text: string): void {
    if (this.#list === null) this.#current = text;
    else this.#list.push(text);
  }
  null(): void {
    this.#current = this.#isRepeated ? [] : null;
  }
  absent(): void {
    this.null();
  }
  integer(value: number): void {
    this.#add(String(value));
  }
  bigint(value: bigint): void {
    this.#add(String(value));
  }
  float(value: number): void {
    this.#add(Object.is(value, -0) ? '-0' : String(value));
  }
  boolean(value: boolean): void {
    this.#add(value ? '1' : '0');
  }
  decimal(value: DecimalGroups): void {
    this.#add(
      String(value)
        .replace(/(\.\d*?)0+$/, '$1')
        .replace(/\.$/, ''),
    );
  }
  text(buffer: Buffer, from: number, to: number): void {
    this.#add(buffer.toString('utf8', from, to));
  }
  bytes(buffer: Buffer, from: number, to: number): void {
    this.#add(buffer.toString('hex', from, to));
  }
  beginArray(): void {
    this.#list = [];
  }
  endArray(): void {
    this.#current = this.#list ?? [];
    this.#list = null;
  }
}
