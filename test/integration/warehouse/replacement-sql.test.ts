import assert from 'node:assert/strict';
import { BIG_QUERY_TYPES, type Column, type TableShape } from '../../../shared/model/columns.ts';
import { swapSql } from '../../../shared/warehouse/replacement-sql.ts';
import { targetColumns } from '../../../shared/warehouse/tables-sql.ts';
import { type GoogleSql, startGoogleSql } from '../../tools/google-sql.ts';

const DATASETS = { projectId: 'p1', temp: 'temp', target: 'target', view: 'view' };
const MODES = ['NULLABLE', 'REPEATED'] as const;
const TYPES = BIG_QUERY_TYPES.flatMap((type) => MODES.map((mode) => ({ type, mode })));

describe('the rows of a new target', () => {
  const resources = new AsyncDisposableStack();
  let google: GoogleSql;
  before(async () => {
    google = resources.use(await startGoogleSql());
  });
  after(() => resources.disposeAsync());

  /** The statement that copies rows whose column changes its type; and its query, with a typed NULL in place of the target. */
  function copy(
    before: Omit<Column, 'name'>,
    after: Omit<Column, 'name'>,
  ): { insert: string; query: string } {
    const shape: TableShape = {
      view: 'any_view',
      target: 'any',
      loadType: 'merge',
      keyColumn: 'id',
      columns: [
        { name: 'id', type: 'INT64', mode: 'REQUIRED' },
        { name: 'value', ...after },
      ],
    };
    const found = targetColumns(shape).map((column) =>
      column.name === 'value' ? { ...column, ...before } : column,
    );
    const [insert = ''] = swapSql(DATASETS, shape, [], found).split(';');
    const nulls = found.map(({ name, type, mode }) => {
      return `cast(null as ${mode === 'REPEATED' ? `array<${type}>` : type}) as ${name}`;
    });
    const query = insert
      .slice(insert.indexOf('\nselect '))
      .replace('`p1.target.any`', `(select ${nulls.join(', ')})`);
    return { insert, query };
  }

  it('are converted in ways that Google’s analyzer accepts, from every type to every type', async () => {
    const refused: string[] = [];
    let converted = 0;
    for (const before of TYPES) {
      for (const after of TYPES) {
        const { insert, query } = copy(before, after);
        if (insert.includes('`value`')) converted += 1;
        const refusal = await google.refusal(query);
        if (refusal !== undefined) {
          refused.push(`${before.mode} ${before.type} to ${after.mode} ${after.type}: ${refusal}`);
        }
      }
    }
    assert.deepEqual(refused, []);
    assert.equal(converted, 24 + 39);
  });

  it('keep a value that fits, and leave out one that cannot', () => {
    const value = (before: Column['type'], after: Column['type'], mode: Column['mode'] = 'NULLABLE') =>
      /select (.*)/
        .exec(copy({ type: before, mode: 'NULLABLE' }, { type: after, mode }).query)?.[1]
        ?.split(', ')[1];
    assert.equal(value('INT64', 'STRING'), 'safe_cast(v_target.`value` as string)');
    assert.equal(value('JSON', 'STRING'), 'to_json_string(v_target.`value`)');
    assert.equal(value('STRING', 'STRING'), 'v_target.`value`');
    assert.equal(value('DATE', 'INT64'), 'v_target.`is_deleted`');
    assert.equal(value('STRING', 'STRING', 'REPEATED'), 'v_target.`is_deleted`');
  });
});
