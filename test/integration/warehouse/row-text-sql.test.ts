import assert from 'node:assert/strict';
import { BIG_QUERY_TYPES, type Column, type TableShape } from '../../../shared/model/columns.ts';
import { rowTextSql } from '../../../shared/warehouse/row-text-sql.ts';
import { type GoogleSql, startGoogleSql } from '../../tools/google-sql.ts';

/** The names that the statements use for themselves, which a view may have too. */
const OWN_NAMES = ['v_text', 'v_element', 'v_offset'];

const COLUMNS: Column[] = [
  ...BIG_QUERY_TYPES.flatMap((type): Column[] => [
    { name: type.toLowerCase(), type, mode: 'NULLABLE' },
    { name: `${type.toLowerCase()}_list`, type, mode: 'REPEATED' },
  ]),
  ...OWN_NAMES.map((name): Column => ({ name, type: 'STRING', mode: 'REPEATED' })),
];
const WINDOW = { from: '2016-11-01T00:00:00.000Z', to: '2027-10-30T00:00:00.000Z' };

describe('the GoogleSQL for the text of a row', () => {
  const resources = new AsyncDisposableStack();
  let google: GoogleSql;

  before(async () => {
    google = resources.use(await startGoogleSql());
  });

  after(() => resources.disposeAsync());

  /** What the analyzer says of it, with typed NULLs in place of the target. */
  function analyzed(keyType: 'INT64' | 'STRING', column: string | null): Promise<string | undefined> {
    const key: Column = { name: 'key', type: keyType, mode: 'REQUIRED' };
    const shape: TableShape = {
      view: 'any_view',
      target: 'any',
      loadType: 'merge',
      keyColumn: 'key',
      columns: [key, ...COLUMNS],
    };
    const window = column === null ? null : { column, ...WINDOW };
    const texts = rowTextSql(shape, shape.columns, window);
    const target = shape.columns.map(
      ({ name, type, mode }) =>
        `cast(null as ${mode === 'REPEATED' ? `array<${type}>` : type}) as \`${name}\``,
    );
    return google.refusal(
      `select bucket, count(*), bit_xor(row_hash) from (
        select ${texts.key} as key, ${texts.bucket(16)} as bucket, ${texts.hash} as row_hash from (select ${target.join(', ')}) as v_target
      ) where key in unnest(['1']) and mod(bucket, 2) = 0 and row_hash > 0 group by bucket`,
    );
  }

  it('is accepted by Google’s analyzer, for columns of every type', async () => {
    assert.equal(await analyzed('INT64', null), undefined);
    assert.equal(await analyzed('STRING', null), undefined);
  });

  for (const column of ['date', 'datetime', 'timestamp']) {
    it(`is accepted with the window of a ${column}`, async () => {
      assert.equal(await analyzed('INT64', column), undefined);
    });
  }
});
