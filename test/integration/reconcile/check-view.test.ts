import assert from 'node:assert/strict';
import { useInstallation } from '../../support/use-installation.ts';

describe('a check of a view', () => {
  const { on } = useInstallation();

  it('finds both sides equal after batches were applied', async () => {
    await on.source.add('app_company', { id: 1, name: 'Acme' });
    for (let id = 1; id <= 20; id += 1) {
      await on.source.add('app_project', { id, name: `Project ${id}`, company_id: 1 });
    }
    await on.replicate();
    const result = await on.check();
    assert.equal(result.outcome, 'consistent', JSON.stringify(result));
  });

  it('finds a row that was changed without a log row, repairs it, and proves that', async () => {
    await on.source.add('app_company', { id: 1, name: 'Acme' });
    for (let id = 1; id <= 20; id += 1) {
      await on.source.add('app_project', { id, name: `Project ${id}`, company_id: 1 });
    }
    await on.replicate();
    await on.source.database.query(`update app_project set name = 'changed' where id = 7`);
    const found = await on.reconcile();
    assert.equal(found.outcome, 'differences found', JSON.stringify(found));
    const repaired = await on.reconcile({ repair: true });
    assert.equal(repaired.outcome, 'consistent', JSON.stringify(repaired));
  });
});
