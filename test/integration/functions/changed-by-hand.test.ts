import assert from 'node:assert/strict';
import { useInstallation } from '../../support/use-installation.ts';

describe('a target whose rows somebody changes by hand', () => {
  const { on } = useInstallation();
  const VIEW = 'pmr_project';
  const resync = () =>
    on.dependencies.control.viewStops.requestResync(VIEW, { isWanted: true, acceptsDeletes: false });
  const rows = async () => (await on.dependencies.control.status.views(VIEW))[0]?.rows;
  const countAgain = () => on.control.query('update etl.view_source set source_counted_at = null');

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' }, { id: 2, name: 'two' });
    await on.replicate();
  });

  it('I6 shows a row without is_deleted to readers, as the merge takes NULL for false', async () => {
    await on.query(`update ${on.targetTable()} set is_deleted = null where project_id = 1`);
    await on.assertEqual();

    await resync();
    assert.partialDeepStrictEqual(await on.replicate(), { unchanged: '2' });
    await on.assertEqual();
  });

  it('has as many rows in the status after a whole load as BigQuery counts', async () => {
    await on.source.add('app_project', { id: 3, name: 'three' }, { id: 4, name: 'four' });
    await on.replicate();
    await on.query(`delete from ${on.targetTable()} where project_id = 1`);
    await on.query(`update ${on.targetTable()} set is_deleted = true where project_id = 4`);
    await on.source.add('app_project', { id: 5, name: 'five' });
    await on.source.delete('app_project', 2);
    await resync();

    assert.partialDeepStrictEqual(await on.replicate(), { added: '3', deleted: '1', unchanged: '1' });
    assert.partialDeepStrictEqual(await rows(), { source: '4', target: '4' });

    await countAgain();
    await on.source.add('app_project', { id: 6, name: 'six' });
    await on.replicate();
    assert.partialDeepStrictEqual(await rows(), { source: '5', target: '5' });
  });

  for (const [kind, next] of [
    ['a batch that changes them', () => on.source.change('app_project', 1, { name: 'uno' })],
    ['a whole load', resync],
  ] as const) {
    it(`I6 halts at ${kind} when it has rows twice, until they are deleted and loaded again`, async () => {
      await on.query(
        `insert into ${on.targetTable()} select * from ${on.targetTable()} where project_id = 1`,
      );
      await next();
      const batch = await on.stage();

      const failure = await on.merge(batch).then(
        () => assert.fail('the batch was merged'),
        (error) => error,
      );

      assert.equal(failure.kind, 'merge_refused');
      assert.match(failure.message, /1 rows with keys that other rows have/);
      assert.equal(String(failure.message).includes('"'), false);
      const statement = /delete from .* having count\(\*\) > 1\)/.exec(failure.message)?.[0];
      await on.query(String(statement));
      assert.match(failure.advice, /\{"view":"pmr_project","resync":true\}/);
      await resync();
      await on.replicate();
      await on.assertEqual();
      assert.partialDeepStrictEqual(await rows(), { source: '2', target: '2' });
    });
  }
});
