import assert from 'node:assert/strict';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { PROJECT_ENTRY, SITE_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('an import beside others', () => {
  const { on } = useInstallation({ per: 'file' });

  it('neither deadlocks nor fails, in whatever order each names the view sources', async () => {
    const process = await on.anotherProcess();
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        importConfiguration(
          { entries: i % 2 === 0 ? [PROJECT_ENTRY, SITE_ENTRY] : [SITE_ENTRY, PROJECT_ENTRY] },
          i % 4 < 2 ? on.dependencies : process.dependencies,
        ).then(
          ({ outcome }) => outcome,
          (error: unknown) => String(error),
        ),
      ),
    );
    assert.deepEqual(new Set(outcomes), new Set(['imported']));
  });

  it('refuses a target that another import has just taken, by name', async () => {
    await on.source.database.query(
      'create view pmr_site_2 as select id as site_id from app_site; grant select on pmr_site_2, pmr_site to reader',
    );
    const entries = ['pmr_site_2', 'pmr_site_3'].map((name) => ({
      ...SITE_ENTRY,
      name,
      target_name: 'site_new',
    }));
    await on.source.database.query(
      'create view pmr_site_3 as select id as site_id from app_site; grant select on pmr_site_3 to reader',
    );
    const outcomes = await Promise.allSettled(
      entries.map((entry) => on.dependencies.control.viewSources.import([{ ...entry, content_type_id: 9 }])),
    );
    const refused = outcomes.filter((each) => each.status === 'rejected').map(({ reason }) => reason);
    assert.equal(refused.length, 1);
    assert.equal(refused[0].kind, 'configuration');
    assert.match(
      refused[0].message,
      /that target belongs to view pmr_site_[23]|site_new is the target of view pmr_site_[23]/,
    );
  });
});
