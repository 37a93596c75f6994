import assert from 'node:assert/strict';
import type { HistoryEntry } from '../../../shared/operations/history.ts';
import type { ListedFailures } from '../../../shared/operations/list-failures.ts';
import type { RowAnswer } from '../../../shared/operations/row/read-row.ts';
import { ENTRIES, STREAMED_ENTRY } from '../../support/installation.ts';
import { PROJECT, useOperator } from './use-operator.ts';

const SECRET = 'a secret value';

describe('an operator who looks', () => {
  const { on, ask } = useOperator();
  const row = async (key: string, view = PROJECT) => (await ask({ view, row: key })) as unknown as RowAnswer;

  it('I12 reads how a row compares, and no value of it unless the configuration allows that', async () => {
    await on.source.change('app_project', 1, { name: SECRET });
    await on.replicate();
    await on.source.change('app_project', 1, { name: `${SECRET} too` });
    const hidden = await row('1');

    assert.partialDeepStrictEqual(hidden, {
      ...{ outcome: 'row', view: PROJECT, key: '1', hasValues: false },
      verdict: { tone: 'busy', word: 'on its way' },
      target: { rows: 1, deletedRows: 0 },
      writtenBy: { etlTransactionId: '1', kind: 'initial' },
      queued: [],
    });
    assert.deepEqual(
      hidden.columns.find(({ name }) => name === 'name'),
      {
        ...{ name: 'name', type: 'STRING', isDifferent: true },
      },
    );
    assert.deepEqual(
      hidden.log.map(({ action, fields, state, batch }) => [action, fields, state, batch?.etlTransactionId]),
      [
        ['changed', ['name'], 'waiting', undefined],
        ['changed', ['name'], 'covered', '1'],
        ['added', [], 'covered', '1'],
      ],
    );
    assert.ok(!JSON.stringify(hidden).includes(SECRET));

    const { config } = on.dependencies;
    on.dependencies = { ...on.dependencies, config: { ...config, rowValues: true } };
    const { columns } = await row('1');
    assert.partialDeepStrictEqual(
      columns.find(({ name }) => name === 'name'),
      { source: `"${SECRET} too"`, target: `"${SECRET}"` },
    );
  });

  it('reads the other side of a row if one cannot be read', async () => {
    await on.replicate();
    await on.source.database.query('alter table app_project rename to gone');
    const { source, target, verdict } = await row('1');

    assert.ok('error' in source && source.error.message.includes('app_project'), JSON.stringify(source));
    assert.partialDeepStrictEqual(target, { rows: 1 });
    assert.equal(verdict.word, 'not compared');
    await assert.rejects(row('1', 'nosuch'), { kind: 'invalid_event' });
  });

  it('reads the batches in the order of their start, and goes on where a page ended', async () => {
    for (const name of ['a', 'b', 'c']) {
      await on.source.change('app_project', 1, { name });
      await on.replicate();
    }
    await on.replicate(STREAMED_ENTRY.name);
    const page = async (fields: object) => {
      const { batches, older } = await ask({ history: true, ...fields });
      return { older, ids: (batches as HistoryEntry[]).map(({ etlTransactionId }) => etlTransactionId) };
    };

    const first = await page({ view: PROJECT, limit: 2 });
    assert.deepEqual(first.ids, ['3', '2']);
    assert.deepEqual(await page({ view: PROJECT, before: first.older }), { ids: ['1'], older: null });
    assert.deepEqual((await page({})).ids, ['4', '3', '2', '1']);
    assert.deepEqual((await page({ state: 'failed' })).ids, []);
    assert.deepEqual((await page({ kind: 'initial', view: PROJECT })).ids, ['1']);
    for (const wrong of [{ limit: 0 }, { before: '1' }, { state: 'lost' }, { view: 'nosuch' }]) {
      await assert.rejects(ask({ history: true, ...wrong }), { kind: 'invalid_event' });
    }
  });

  it('reads the failures by reason with their ids, and the view sources as their import takes them', async () => {
    for (const key of [1, 2]) {
      await on.control.query(
        `insert into etl.etl_error (function_name, view_name, kind, message, advice, event)
         values ('extract', $1, 'bad_data', $2, 'Correct it.', '{}')`,
        [PROJECT, `view ${PROJECT}: key ${key} has no name`],
      );
    }
    const failures = async (state: string) =>
      ((await ask({ failures: state, view: PROJECT })).groups as ListedFailures[]).map(
        ({ failures: count, ids }) => [count, ids.length],
      );
    assert.deepEqual(await failures('open'), [[2, 2]]);
    await ask({ view: PROJECT, resolve: true });
    assert.deepEqual(await failures('open'), []);
    assert.deepEqual(await failures('resolved'), [[2, 0]]);

    const exported = await ask({ export: true });
    assert.deepEqual(
      (exported.import as { name: string }[]).map(({ name }) => name),
      [...ENTRIES, STREAMED_ENTRY].map(({ name }) => name),
    );
    assert.equal((await ask({ import: exported.import })).outcome, 'imported');
  });

  it('leaves nothing in the audit', async () => {
    for (const payload of [
      { history: true },
      { failures: 'open' },
      { view: PROJECT, row: '1' },
      { export: true },
    ]) {
      await ask(payload);
    }
    assert.deepEqual((await on.control.query('select action from etl.audit')).rows, []);
  });
});
