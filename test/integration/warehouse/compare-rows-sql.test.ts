import assert from 'node:assert/strict';
import { BIG_QUERY_TYPES, type Column, type TableShape } from '../../../shared/model/columns.ts';
import { type HashedSelection, hashedRowsSql } from '../../../shared/warehouse/compare-rows-sql.ts';
import { partitionCondition } from '../../../shared/warehouse/partition-condition.ts';
import { type GoogleSql, startGoogleSql } from '../../tools/google-sql.ts';

const VALUES = BIG_QUERY_TYPES.map((type): Column => ({ name: type.toLowerCase(), type, mode: 'NULLABLE' }));
const DATASETS = { projectId: 'p-1', temp: 'T', target: 'D', view: 'V' };
const ALL: HashedSelection = { order: 'bucket', range: null, listed: null, partitions: null };

describe('the query for single rows of a target', () => {
  const resources = new AsyncDisposableStack();
  let google: GoogleSql;

  before(async () => {
    google = resources.use(await startGoogleSql());
  });

  after(() => resources.disposeAsync());

  /** What the analyzer says of it, with typed NULLs in place of the target, and lists in place of the parameters. */
  async function assertAccepted(type: 'INT64' | 'STRING', selection: HashedSelection): Promise<void> {
    const columns: Column[] = [{ name: 'key', type, mode: 'REQUIRED' }, ...VALUES];
    const shape: TableShape = { view: 'v', target: 't', loadType: 'merge', keyColumn: 'key', columns };
    const compared = { shape, columns, buckets: 16, window: null, asOf: null };
    const target = columns.map((column) => `cast(null as ${column.type}) as \`${column.name}\``);
    const sql = hashedRowsSql(DATASETS, compared, selection)
      .replace(/from `[^`]+` v_target/, `from (select ${target.join(', ')}, false as is_deleted) v_target`)
      .replace('@buckets', '[1, 2]')
      .replace('@keys', type === 'INT64' ? '[1]' : `['a']`);
    assert.equal(await google.refusal(sql), undefined, sql);
  }

  it('is accepted by Google’s analyzer for all rows, and for ranges and buckets', async () => {
    await assertAccepted('STRING', ALL);
    await assertAccepted('STRING', { ...ALL, listed: 'buckets' });
    await assertAccepted('INT64', {
      ...ALL,
      order: 'key',
      range: { from: -5n, to: null },
      listed: 'buckets',
    });
  });

  for (const type of ['DATE', 'DATETIME', 'TIMESTAMP'] as const) {
    it(`is accepted for the rows of some partitions of a ${type}`, async () => {
      for (const granularity of [
        'year',
        'month',
        'day',
        ...(type === 'DATE' ? [] : (['hour'] as const)),
      ] as const) {
        for (const texts of [['-86400', '20000', '~'], ['~'], ['0'], []]) {
          const given = { column: type.toLowerCase(), type, granularity, texts: new Set(texts) };
          await assertAccepted('INT64', { ...ALL, listed: 'keys', partitions: partitionCondition(given) });
        }
      }
      await assertAccepted('STRING', { ...ALL, listed: 'keys' });
    });
  }
});
