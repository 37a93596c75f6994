import assert from 'node:assert/strict';
import { tick } from '../../../functions/extract/tick.ts';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import type { LineSink } from '../../support/line-sink.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** The log lines of the functions must contain what the alert policies look for. */
describe('I8 the log reports', () => {
  const { on, stack } = useInstallation({ settings: { LAG_WARNING_SECONDS: '600' } });
  let sink: LineSink;

  beforeEach(async () => {
    sink = on.captureLog();
    await on.source.add('app_project', { id: 1, name: 'one' });
  });

  const lines = (message: string) => sink.records().filter((line) => line.message === message);

  it('how far every enabled view is behind, at every tick', async () => {
    await on.replicate();
    await on.control.query(`update etl.view_source set enabled = name <> 'pmr_site'`);

    await tick('test', on.dependencies);

    const logged = lines('view freshness');
    assert.partialDeepStrictEqual(logged, [{ severity: 'INFO', view: 'pmr_project' }]);
    assert.ok(Number(logged[0]?.behindSeconds) < 600);
  });

  for (const stop of ['paused = true', `halted_at = now(), halted_reason = 'x'`, 'bad_keys = 0']) {
    it(`a view whose rows are older than LAG_WARNING_SECONDS (${stop})`, async () => {
      await on.replicate();
      await on.control.query(
        `update etl.view_source set ${stop}, captured_at = now() - interval '1 hour' where name = 'pmr_project'`,
      );

      await tick('test', on.dependencies);

      const [logged, ...more] = lines('view behind');
      assert.partialDeepStrictEqual(logged, { severity: 'WARNING', view: 'pmr_project' });
      assert.ok(Math.abs(Number(logged?.behindSeconds) - 3600) < 600);
      assert.deepEqual(more, []);
    });
  }

  it('a view that was never loaded, counted from its import', async () => {
    await on.control.query(`update etl.view_source set imported_at = now() - interval '1 hour'`);

    await tick('test', on.dependencies);

    assert.deepEqual(
      lines('view behind').map(({ view }) => view),
      ['pmr_project', 'pmr_site'],
    );
  });

  it('an abandoned batch, and the second in a row as an error', async () => {
    const loseBatch = async () => {
      stack.bigquery.faults.next('bigquery.job.load', failJob('notFound', 'Not found: Table temp_project'));
      await assert.rejects(on.extract(), { kind: 'staging_lost' });
    };
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    await loseBatch();
    await loseBatch();
    await on.stage();

    const logged = sink.records().filter(({ message }) => String(message).startsWith('batch abandoned'));
    assert.partialDeepStrictEqual(logged, [
      { severity: 'WARNING', message: 'batch abandoned', view: 'pmr_project', inARow: 1 },
      { severity: 'ERROR', message: 'batch abandoned again', view: 'pmr_project', inARow: 2 },
    ]);
    assert.match(String(logged[0]?.why), /Not found: Table temp_project/);
  });

  it('no second abandoned batch in a row after a batch was applied', async () => {
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'uno' });
    for (let times = 0; times < 2; times += 1) {
      stack.bigquery.faults.next('bigquery.job.load', failJob('notFound', 'Not found: Table temp_project'));
      await assert.rejects(on.extract(), { kind: 'staging_lost' });
      await on.replicate();
      await on.source.change('app_project', 1, { name: `changed ${times}` });
    }

    assert.deepEqual(lines('batch abandoned again'), []);
  });
});
