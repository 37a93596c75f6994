import assert from 'node:assert/strict';
import { createDependencies } from '../../../shared/runtime/dependencies.ts';
import { until } from '../../support/until.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('a process whose control database cannot be used', () => {
  const { on } = useInstallation();

  it('keeps no connection, however often a request tries again', async () => {
    const sessions = async () => {
      const { rows } = await on.control.query(
        `select count(*)::int4 as n from pg_stat_activity
         where datname = current_database() and application_name = 'smart-datahub control'`,
      );
      return rows[0].n as number;
    };
    const before = await sessions();
    await on.control.query(`update etl.schema_version set md5 = 'edited' where version = 29`);

    for (let n = 0; n < 3; n += 1) {
      await assert.rejects(createDependencies(on.parts.env), /control migration 29 was edited/);
    }

    await until(async () => (await sessions()) <= before);
  });
});
