import assert from 'node:assert/strict';
import pg from 'pg';
import { DataHubError } from '../../../shared/errors.ts';
import type { ViewSource } from '../../../shared/model/view-source.ts';
import { describeView, type SourceView } from '../../../shared/source/describe-view.ts';
import { inSnapshot } from '../../../shared/source/snapshot.ts';
import { MALFORMED_DATETIMES, TYPES, UNREPRESENTABLE } from './example-values.ts';
import { makeViewSource } from './make-view-source.ts';
import { stagedLines } from './staged-rows.ts';
import { CONTENT_TYPE_TABLE, openPool, useSource } from './use-source.ts';
import { createValuedView, EXAMPLE_SCHEMA } from './valued-view.ts';

describe('the values of a view as they are staged', () => {
  const source = useSource(EXAMPLE_SCHEMA);

  const viewOf = (type: string, literals: string[]) => createValuedView(source.pool, type, literals);

  const staged = (
    differing: Partial<ViewSource> = {},
    pool: pg.Pool = source.pool,
  ): Promise<{ view: SourceView; lines: string[] }> =>
    inSnapshot(pool, async (client) => {
      const view = await describeView(
        client,
        makeViewSource({ name: 'valued', ...differing }),
        CONTENT_TYPE_TABLE,
      );
      return { view, lines: await stagedLines(client, view) };
    });

  const lineOf = (key: number, value: string): string =>
    `{"item_id":${key},"value":${value},"action":"loaded","etl_transaction_id":1}`;

  const isBadData = (reason: RegExp) => (error: unknown) => {
    assert.ok(error instanceof DataHubError);
    assert.equal(error.kind, 'bad_data', error.message);
    assert.match(error.message, /^view valued: key 1, column value: the value /);
    assert.match(error.message, reason);
    assert.equal(error.context.column, 'value');
    return true;
  };

  for (const [type, becomes, values] of TYPES) {
    it(`I9 keep every ${type} exactly, as ${becomes}`, async () => {
      await viewOf(
        type,
        values.map(([literal]) => literal),
      );
      const { view, lines } = await staged();
      const column = view.columns.find(({ name }) => name === 'value');
      assert.equal(column?.mode === 'REPEATED' ? `REPEATED ${column.type}` : column?.type, becomes);
      assert.deepEqual(
        lines,
        values.map(([, json], i) => lineOf(i + 1, json)),
      );
    });
  }

  describe('that BigQuery cannot hold', () => {
    for (const [type, literal, reason, asString] of UNREPRESENTABLE) {
      const shown = literal.length > 40 ? `${literal.slice(0, 40)}…` : literal;
      it(`I9 stop the batch, or follow the policy: ${type} ${shown}`, async () => {
        await viewOf(type, [literal, 'null']);
        await assert.rejects(staged(), isBadData(reason));
        const nothing = type.endsWith('[]') ? '[]' : 'null';
        const asNull = await staged({ unrepresentable: { value: 'null' } });
        assert.deepEqual(asNull.lines, [lineOf(1, nothing), lineOf(2, nothing)]);
        const asText = await staged({ unrepresentable: { value: 'string' } });
        assert.deepEqual(asText.lines, [lineOf(1, JSON.stringify(asString)), lineOf(2, 'null')]);
        assert.equal(asText.view.columns.find(({ name }) => name === 'value')?.type, 'STRING');
      });
    }

    it('are named one by one, with key and column', async () => {
      await viewOf('date', [`'infinity'`, `'2024-01-01'`, `'-infinity'`]);
      await assert.rejects(staged(), {
        message:
          'view valued: key 1, column value: the value is infinite or outside the years 1 to 9999; ' +
          'key 3, column value: the value is infinite or outside the years 1 to 9999',
      });
    });

    it('leave the connection usable', async () => {
      await viewOf('date', [`'infinity'`]);
      await inSnapshot(source.pool, async (client) => {
        const view = await describeView(client, makeViewSource({ name: 'valued' }), CONTENT_TYPE_TABLE);
        await assert.rejects(stagedLines(client, view), isBadData(/is infinite/));
        await client.query('select 1');
      });
    });
  });

  describe('of a configured datetime column', () => {
    const datetimeColumns = ['value'];

    it('become TIMESTAMP in UTC from text', async () => {
      await viewOf('text', [
        `'2024-02-29 23:59'`,
        `'2024-02-29T23:59:58.123456'`,
        `' 0001-01-01 '`,
        `'9999-12-31 23:59:59'`,
        'null',
      ]);
      const { view, lines } = await staged({ datetimeColumns });
      assert.equal(view.columns[1]?.type, 'TIMESTAMP');
      assert.deepEqual(lines, [
        lineOf(1, '"2024-02-29T23:59:00+00:00"'),
        lineOf(2, '"2024-02-29T23:59:58.123456+00:00"'),
        lineOf(3, '"0001-01-01T00:00:00+00:00"'),
        lineOf(4, '"9999-12-31T23:59:59+00:00"'),
        lineOf(5, 'null'),
      ]);
    });

    it('become TIMESTAMP in UTC from timestamp, and stay TIMESTAMP from timestamptz', async () => {
      await viewOf('timestamp', [`'2024-02-29 23:59:58.123456'`]);
      assert.deepEqual((await staged({ datetimeColumns })).lines, [
        lineOf(1, '"2024-02-29T23:59:58.123456+00:00"'),
      ]);
      await viewOf('timestamptz', [`'2024-02-29 23:59:58+07'`]);
      assert.deepEqual((await staged({ datetimeColumns })).lines, [lineOf(1, '"2024-02-29T16:59:58+00:00"')]);
    });

    it('I9 stop the batch at a timestamp outside the years 1 to 9999', async () => {
      await viewOf('timestamp', [`'infinity'`]);
      await assert.rejects(staged({ datetimeColumns }), isBadData(/outside the years/));
    });

    for (const text of MALFORMED_DATETIMES) {
      it(`I9 stop the batch at a text that is not a date and time, or follow the policy: '${text}'`, async () => {
        await viewOf('text', [pg.escapeLiteral(text)]);
        await assert.rejects(staged({ datetimeColumns }), isBadData(/is not a valid date and time/));
        const asNull = await staged({ datetimeColumns, unrepresentable: { value: 'null' } });
        assert.deepEqual(asNull.lines, [lineOf(1, 'null')]);
        const asText = await staged({ datetimeColumns, unrepresentable: { value: 'string' } });
        assert.deepEqual(asText.lines, [lineOf(1, JSON.stringify(text))]);
      });
    }
  });

  describe('that are NULL', () => {
    for (const [type, fallback, json] of [
      ['integer', 0, '0'],
      ['boolean', false, 'false'],
      ['text', `it's \\ "n/a"`, String.raw`"it's \\ \"n/a\""`],
      ['date', '1970-01-01', '"1970-01-01"'],
    ] as const) {
      it(`become the configured default of a column of type ${type}`, async () => {
        await viewOf(type, ['null']);
        assert.deepEqual((await staged({ nullDefaults: { value: fallback } })).lines, [lineOf(1, json)]);
      });
    }

    it('leave other values of the column unchanged', async () => {
      await viewOf('integer', ['7']);
      assert.deepEqual((await staged({ nullDefaults: { value: 0 } })).lines, [lineOf(1, '7')]);
    });

    it('become the default under the policy string too', async () => {
      await viewOf('date', ['null', `'infinity'`]);
      const { lines } = await staged({
        nullDefaults: { value: 'none' },
        unrepresentable: { value: 'string' },
      });
      assert.deepEqual(lines, [lineOf(1, '"none"'), lineOf(2, '"infinity"')]);
    });
  });

  it('I9 do not depend on the settings of the role or the database', async () => {
    await source.pool.query(
      `drop view if exists valued;
       create view valued as select 1::bigint as item_id, timestamptz '2024-01-01 00:00+00' as moment,
         date '2024-02-01' as day, interval '1 day 2 hours' as span, 0.1::float8 + 0.2::float8 as number, '\\x01ff'::bytea as bytes,
         12.5::money as price, tstzrange('2024-01-01 00:00+00', null) as period, array[0.1::float8 + 0.2::float8] as numbers`,
    );
    const { lines } = await staged();
    const settings = {
      timezone: 'Asia/Bangkok',
      datestyle: 'German, DMY',
      intervalstyle: 'iso_8601',
      extra_float_digits: '-5',
      bytea_output: 'escape',
      standard_conforming_strings: 'off',
    };
    for (const [name, value] of Object.entries(settings)) {
      await source.pool.query(`alter role postgres set ${name} = '${value}'`);
    }
    const pool = openPool(source.postgres.url());
    try {
      assert.equal((await pool.query('show datestyle')).rows[0].DateStyle, 'German, DMY');
      assert.deepEqual((await staged({}, pool)).lines, lines);
    } finally {
      await pool.end();
      await source.pool.query('alter role postgres reset all');
    }
    assert.match(lines[0] ?? '', /"moment":"2024-01-01T00:00:00\+00:00"/);
    assert.match(lines[0] ?? '', /"number":0\.30000000000000004/);
  });
});
