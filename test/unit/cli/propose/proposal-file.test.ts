import assert from 'node:assert/strict';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { proposalFile, SCHEMA } from '../../../../cli/propose/proposal-file.ts';
import { summary } from '../../../../cli/propose/summary.ts';
import { loggedColumn } from '../../../../cli/propose/table-key.ts';
import { newProposal, plainName } from '../../../../cli/propose/view-proposal.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

describe('the file of a proposal', () => {
  it('names the schema relative to its folder', () => {
    for (const folder of [
      ROOT,
      dirname(fileURLToPath(SCHEMA)),
      resolve(ROOT, 'a/b'),
      resolve(ROOT, '../..'),
    ]) {
      const { $schema } = JSON.parse(proposalFile([], folder)) as { $schema: string };
      assert.match($schema, /^\.\.?\//);
      assert.equal(resolve(folder, $schema), fileURLToPath(SCHEMA));
    }
  });

  it('has what to decide at the top of an entry, and the reasons at its end', () => {
    const proposal = newProposal('order_report');
    Object.assign(proposal.entry, { load_type: 'merge', key_column: 'order_id', main_table: 'shop_order' });
    proposal.todo.push('Decide.');
    proposal.reasons.load_type = 'why';
    const { import: entries } = JSON.parse(proposalFile([proposal], ROOT)) as { import: [object] };
    assert.deepEqual(Object.keys(entries[0]), [
      'name',
      'target_name',
      'todo',
      'main_table',
      'key_column',
      'load_type',
      'reasons',
    ]);
  });
});

describe('a name for a target', () => {
  for (const [name, plain] of [
    ['order_report', 'order_report'],
    ['Gift "Card" (all)', 'Gift_Card_all'],
    ['Café', 'Cafe'],
    ['2024 orders', '_2024_orders'],
    ['สินค้า', null],
    ['__', null],
  ] as const) {
    it(`of ${name} is ${plain}`, () => assert.equal(plainName(name), plain));
  }
});

describe('the column that log rows may name', () => {
  const NO_KEY = { primaryKey: [], partitionedBy: null, uniqueColumns: [] };
  for (const [what, key, column] of [
    ['no key', NO_KEY, null],
    ['a unique column and no primary key', { ...NO_KEY, uniqueColumns: ['code'] }, 'code'],
    ['two unique columns', { ...NO_KEY, uniqueColumns: ['code', 'name'] }, null],
    ['a composite key', { ...NO_KEY, primaryKey: ['a', 'b'], uniqueColumns: ['c'] }, null],
    ['partitions', { ...NO_KEY, primaryKey: ['id', 'day'], partitionedBy: ['day'] }, 'id'],
    [
      'partitions and a composite key',
      { ...NO_KEY, primaryKey: ['a', 'b', 'day'], partitionedBy: ['day'] },
      null,
    ],
  ] as const) {
    it(`of a table with ${what} is ${column}`, () =>
      assert.equal(
        loggedColumn({
          ...key,
          primaryKey: [...key.primaryKey],
          uniqueColumns: [...key.uniqueColumns],
        } as never),
        column,
      ));
  }
});

describe('the summary of a proposal', () => {
  const LOG = { logTable: 'log', contentTypeTable: 'types', types: new Map(), variables: {}, problems: [] };

  it('shows control characters of names instead of obeying them', () => {
    const proposal = newProposal('a\u001b[2Jb');
    proposal.todo.push('Rename a\u001b[2Jb\u202e.');
    const text = summary(
      { proposals: [proposal], log: LOG, problems: [], statements: { sql: '', views: [] }, hiddenViews: 0 },
      { file: 'f.json', viewsSql: null },
    );
    assert.ok(!text.includes('\u001b') && !text.includes('\u202e'), JSON.stringify(text));
    assert.match(text, /a\\u001b\[2Jb/);
  });

  it('says once what concerns all views, and which variables to set', () => {
    const proposals = ['a', 'b'].map((name) => {
      const proposal = newProposal(name);
      proposal.todo.push('No log.', `Decide ${name}.`);
      return proposal;
    });
    const log = { ...LOG, problems: ['No log.'], variables: { CHANGE_LOG_TABLE: 'audit' } };
    const text = summary(
      { proposals, log, problems: [], statements: { sql: '', views: [] }, hiddenViews: 0 },
      { file: null, viewsSql: null },
    );
    assert.equal(text.split('No log.').length, 2);
    assert.match(text, /- a: Decide a\.\n {2}- b: Decide b\.\n/);
    assert.match(text, /SOURCE_DATABASE_URL=… CHANGE_LOG_TABLE=audit npm start -- --once/);
    assert.match(text, /CHANGE_LOG_TABLE=audit .*settings = \{ change_log_table = "audit" \}/);
    assert.match(text, /Decide what view-sources\.json lists as "todo"/);
  });
});
