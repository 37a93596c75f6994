import assert from 'node:assert/strict';
import { BIG_QUERY_TYPES, type Column, type TableShape } from '../../../shared/model/columns.ts';
import { layoutFaults } from '../../../shared/warehouse/layout-faults.ts';
import { type Layout, reportingViewSql, targetTableSql } from '../../../shared/warehouse/tables-sql.ts';
import { type GoogleSql, startGoogleSql } from '../../tools/google-sql.ts';

const DATASETS = { projectId: 'p1', temp: 'temp', target: 'target', view: 'view' };
const COLUMNS: Column[] = BIG_QUERY_TYPES.flatMap((type) => [
  { name: type.toLowerCase(), type, mode: 'NULLABLE' },
  { name: `${type.toLowerCase()}_list`, type, mode: 'REPEATED' },
]);
const SHAPE: TableShape = {
  view: 'any_view',
  target: 'any',
  loadType: 'merge',
  keyColumn: 'id',
  columns: [{ name: 'id', type: 'INT64', mode: 'REQUIRED' }, ...COLUMNS],
};
const PLAIN: Layout = { partition: null, clusterColumns: [], reportColumn: 'update_at' };
const GRANULARITIES = ['hour', 'day', 'month', 'year'] as const;

/** Every layout with one choice that depends on the type of a column. */
const LAYOUTS = COLUMNS.flatMap(({ name }): { what: string; layout: Layout }[] => [
  ...GRANULARITIES.map((granularity) => ({
    what: `partition ${name} by ${granularity}`,
    layout: { ...PLAIN, partition: { column: name, granularity } },
  })),
  { what: `cluster ${name}`, layout: { ...PLAIN, clusterColumns: ['id', name] } },
  { what: `report ${name}`, layout: { ...PLAIN, reportColumn: name } },
]);

describe('the rules of a layout', () => {
  const resources = new AsyncDisposableStack();
  let google: GoogleSql;

  before(async () => {
    google = resources.use(await startGoogleSql());
  });

  after(() => resources.disposeAsync());

  /** The query of the reporting view, with typed NULLs in place of the target. */
  function reportQuery(layout: Layout): string {
    const columns = [
      ...SHAPE.columns,
      { name: 'is_deleted', type: 'BOOL' },
      { name: 'update_at', type: 'TIMESTAMP' },
    ].map((column) => {
      const type = 'mode' in column && column.mode === 'REPEATED' ? `array<${column.type}>` : column.type;
      return `cast(null as ${type}) as \`${column.name}\``;
    });
    const [, query = ''] = reportingViewSql(DATASETS, SHAPE, layout).split(' as\n');
    return query.replace('`p1.target.any`', `(select ${columns.join(', ')})`).replace(/;\s*$/, '');
  }

  it('refuse what Google’s analyzer refuses', async () => {
    const refused: string[] = [];
    const missed: string[] = [];
    for (const { what, layout } of LAYOUTS) {
      const sql = what.startsWith('report') ? reportQuery(layout) : targetTableSql(DATASETS, SHAPE, layout);
      const refusal = await google.refusal(sql.replace(/;\s*$/, ''));
      if (refusal === undefined) continue;
      refused.push(what);
      if (layoutFaults(SHAPE, layout).length === 0) missed.push(`${what}: ${refusal}`);
    }
    assert.deepEqual(missed, []);
    for (const known of [
      'partition float64 by day',
      'partition date by hour',
      'cluster json',
      'cluster float64',
      'report time',
    ]) {
      assert.ok(refused.includes(known), `the analyzer accepts: ${known}`);
    }
  });

  it('accept exactly the types and granularities that BigQuery’s pages list', () => {
    const accepted = LAYOUTS.filter(({ layout }) => layoutFaults(SHAPE, layout).length === 0);
    assert.deepEqual(
      accepted.map(({ what }) => what).toSorted(),
      [
        ...['day', 'month', 'year'].map((granularity) => `partition date by ${granularity}`),
        ...['datetime', 'timestamp'].flatMap((type) =>
          GRANULARITIES.map((granularity) => `partition ${type} by ${granularity}`),
        ),
        ...['bignumeric', 'bool', 'date', 'datetime', 'int64', 'numeric', 'string', 'timestamp'].map(
          (type) => `cluster ${type}`,
        ),
        ...['date', 'datetime', 'timestamp'].map((type) => `report ${type}`),
      ].toSorted(),
    );
  });

  it('refuse a cluster column twice and more than four, and accept the columns of the target itself', () => {
    const clusters = (...clusterColumns: string[]) => layoutFaults(SHAPE, { ...PLAIN, clusterColumns });
    assert.deepEqual(clusters('id', 'date', 'id'), ['cluster column id is named twice']);
    assert.deepEqual(clusters('id', 'date', 'bool', 'int64', 'string'), [
      '5 cluster columns are configured, but BigQuery clusters by at most 4',
    ]);
    assert.deepEqual(
      layoutFaults(SHAPE, {
        ...PLAIN,
        partition: { column: 'update_at', granularity: 'hour' },
        clusterColumns: ['update_at'],
      }),
      [],
    );
  });
});
