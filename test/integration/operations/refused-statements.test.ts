import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import { failBefore, pass } from '../../emulators/faults.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('the check of the statements for BigQuery', () => {
  const { on, stack } = useInstallation();

  it('finds what BigQuery refuses, before and after the tables exist, and changes nothing', async () => {
    const problems = async () => {
      const { findings } = await preflight({ view: 'pmr_site' }, on.dependencies);
      return findings.filter(({ ok }) => !ok).map(({ message }) => message);
    };
    const refusal = failBefore(400, 'invalidQuery');
    stack.bigquery.faults.next('bigquery.jobs.insert', pass(), refusal);
    assert.match((await problems())[0] ?? '', /^view pmr_site: the target table cannot be created: /);
    assert.deepEqual((await on.bigquery.dataset('SMartDataAnalytics').getTables())[0], []);

    await on.source.add('app_site', { id: 1, name: 'one' });
    await on.replicate('pmr_site');
    stack.bigquery.faults.next('bigquery.jobs.insert', pass(), pass(), pass(), refusal);
    assert.match((await problems())[0] ?? '', /^view pmr_site: the reporting view cannot be created: /);
    assert.deepEqual(stack.bigquery.faults.unused, []);
    assert.deepEqual(await problems(), []);
  });
});
