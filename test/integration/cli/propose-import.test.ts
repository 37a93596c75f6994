import assert from 'node:assert/strict';
import { proposalFile } from '../../../cli/propose/proposal-file.ts';
import { parseOperation } from '../../../shared/events/extract-event.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { schemaFaults } from '../../support/schema-faults.ts';
import { READ_ALL, SHOP } from '../../support/shop-databases.ts';
import { READER } from '../../support/stack.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { proposeFor } from './propose-for.ts';

describe('the proposal for a shop', () => {
  const { on, stack } = useInstallation({ per: 'file' });

  it('is a file that editors accept, and that imports, passes the check and replicates as it is', async () => {
    await stack.postgres.createDatabase('shop');
    await stack.connect(stack.postgres.url('shop')).query(`${SHOP}; ${READ_ALL}`);
    const url = stack.postgres.url('shop', READER.name, READER.password);
    const { proposals } = await proposeFor({ url });
    const file = JSON.parse(proposalFile(proposals, process.cwd())) as object;
    assert.deepEqual(await schemaFaults(file), []);

    await on.control.query('delete from etl.view_source');
    const installation = await on.anotherProcess({ SOURCE_DATABASE_URL: url });
    const operation = parseOperation(file);
    assert.ok(operation.command === 'import');
    await importConfiguration(operation, installation.dependencies);
    const { ok, findings } = await preflight({ view: undefined }, installation.dependencies);
    assert.ok(ok, JSON.stringify(findings.filter((finding) => !finding.ok)));

    // Arrays, JSON, money and a key that is a text; then partitions.
    for (const [name, rows] of [
      ['product_report', '40'],
      ['payment_report', '200'],
    ] as const) {
      await installation.replicate(name);
      const [count] = await installation.query(`select count(*) as n from SMartDataAnalytics.${name}`);
      assert.equal(String(count?.n), rows, name);
    }
  });
});
