import assert from 'node:assert/strict';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { PROJECT_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const MERGED = 'pmr_project';
const STREAMED = STREAMED_ENTRY.name;

describe('settings of datasets and tables under which a target would be wrong', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });
  const setTargets = (settings: object) => on.bigquery.dataset('SMartDataAnalytics').setMetadata(settings);
  const findings = async (view: string) =>
    (await preflight({ view }, on.dependencies)).findings.filter(
      ({ check }) => check === `tables of ${view}`,
    );

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.source.add('app_incident', { id: 1, type: 'one', opened: '2026-01-02T03:04:05Z' });
  });

  it('are none by default', async () => {
    for (const view of [MERGED, STREAMED]) assert.deepEqual(await findings(view), []);
  });

  it('a collation that ignores case is refused before tables are made, by the check and by extract', async () => {
    await setTargets({ defaultCollation: 'und:ci' });

    const [finding] = await findings(MERGED);
    assert.partialDeepStrictEqual(finding, { ok: false });
    assert.match(String(finding?.message), /would have text columns that ignore case/);
    await assert.rejects(on.extract(), { kind: 'configuration', message: /ignore case/ });
    assert.deepEqual((await on.bigquery.dataset('SMartDataAnalytics').getTables())[0], []);

    // What the advice says.
    assert.match(String(finding?.advice), /alter schema .*SMartDataAnalytics.* set default collate ''/);
    await setTargets({ defaultCollation: '' });
    await on.dependencies.control.viewStops.requestResync(MERGED, { isWanted: true, acceptsDeletes: false });
    await on.replicate();
    await on.assertEqual();
  });

  it('a collation of columns that exist is refused when the objects are made again', async () => {
    await on.replicate();
    await setTargets({ defaultCollation: 'und:ci' });
    assert.deepEqual(await findings(MERGED), [], 'its columns stay as they are');
    await on.query(`drop table ${on.targetTable()}`);
    await on.query(
      `create table ${on.targetTable()} (project_id int64 not null, name string, company string, share numeric, opened timestamp,
         is_deleted bool, update_at timestamp, etl_transaction_id int64)`,
    );

    assert.match(String((await findings(MERGED))[0]?.message), /has text columns that ignore case/);
    await on.control.query('update etl.view_source set warehouse_fingerprint = null');
    await on.source.change('app_project', 1, { name: 'ONE' });
    await assert.rejects(on.extract(), { kind: 'configuration', message: /ignore case/ });
  });

  describe('of tables that will be made anew', () => {
    const MONTHLY = { partition_column: 'opened', partition_granularity: 'month' } as const;
    const set = (dataset: string, settings: object) => on.bigquery.dataset(dataset).setMetadata(settings);
    const importing = (differing: Partial<ViewSourceEntry>) =>
      importConfiguration({ entries: [{ ...PROJECT_ENTRY, ...differing }] }, on.dependencies);
    const makeView = (columns: string) =>
      on.source.database.query(`drop view pmr_project; create view pmr_project as
        select ${columns} from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy;
        grant select on pmr_project to reader`);
    const collations = async (table = 'project', dataset = 'SMartDataAnalytics') => {
      const [{ schema }] = await on.bigquery.dataset(dataset).table(table).getMetadata();
      return (schema.fields as { collation?: string }[]).map(({ collation }) => collation ?? '');
    };
    /** The next extract that makes tables is refused, and changes none. */
    const isRefused = async (message: RegExp, advice: RegExp) => {
      const before = await on.target();
      const [finding] = await findings(MERGED);
      assert.partialDeepStrictEqual(finding, { ok: false });
      assert.match(String(finding?.message), message);
      await assert.rejects(on.extract(), { kind: 'configuration', message, advice });
      assert.deepEqual(await on.target(), before);
      assert.match(String(await on.haltedReason()), message);
    };
    const resumed = async () => {
      await on.dependencies.control.viewStops.resume(MERGED);
      await on.replicate();
      assert.deepEqual(
        new Set([...(await collations()), ...(await collations('temp_project', 'SMartData_Temp'))]),
        new Set(['']),
      );
    };
    const ADVICE =
      /^Run: alter schema .* set default collate ''; Then send \{"view":"pmr_project","resume":true\}\.$/;

    beforeEach(() => on.replicate());

    it('a new target would get the collation of its dataset', async () => {
      await setTargets({ defaultCollation: 'und:ci' });
      await importing(MONTHLY);
      await isRefused(/project would have text columns that ignore case/, ADVICE);

      await setTargets({ defaultCollation: '' });
      await resumed();
      await on.assertEqual();
    });

    it('a temp table that is made again would get the collation of its dataset', async () => {
      await set('SMartData_Temp', { defaultCollation: 'und:ci' });
      await makeView('p.id as project_id, length(p.name) as name, c.name as company, p.share, p.opened');
      assert.equal((await on.extract()).outcome, 'resync requested');
      await isRefused(/temp_project would have text columns that ignore case/, ADVICE);

      await set('SMartData_Temp', { defaultCollation: '' });
      await resumed();
    });

    it('an added column would get the collation of its table', async () => {
      await on.bigquery
        .dataset('SMartDataAnalytics')
        .table('project')
        .setMetadata({ defaultCollation: 'und:ci' });
      assert.deepEqual(await findings(MERGED), [], 'the columns that it has are fine');
      await makeView(
        `p.id as project_id, p.name, c.name as company, p.share, p.opened, 'about ' || p.id as remark`,
      );
      assert.equal((await on.extract()).outcome, 'resync requested');
      await isRefused(
        /project would get text columns that ignore case/,
        /^Run: alter table .*project.* set default collate ''; Then send \{"view":"pmr_project","resume":true\}\.$/,
      );

      await on.bigquery.dataset('SMartDataAnalytics').table('project').setMetadata({ defaultCollation: '' });
      await resumed();
    });

    it('partitions of a new streamed target would expire', async () => {
      await on.replicate(STREAMED);
      await setTargets({ defaultPartitionExpirationMs: String(60 * 86_400_000) });
      assert.deepEqual(await findings(STREAMED), []);
      await importConfiguration(
        { entries: [{ ...STREAMED_ENTRY, partition_granularity: 'year' }] },
        on.dependencies,
      );

      assert.match(String((await findings(STREAMED))[0]?.message), /expire after 60 days/);
      await assert.rejects(on.extract(STREAMED), { kind: 'configuration', message: /expire after 60 days/ });
    });
  });

  it('partitions that expire are refused for a streamed view, whose rows are counted', async () => {
    await setTargets({ defaultPartitionExpirationMs: String(60 * 86_400_000) });

    const [finding] = await findings(STREAMED);
    assert.partialDeepStrictEqual(finding, { ok: false });
    assert.match(String(finding?.message), /expire after 60 days/);
    assert.match(String(finding?.advice), /default_partition_expiration_days = null/);
    await assert.rejects(on.extract(STREAMED), { kind: 'configuration', message: /expire after 60 days/ });
  });

  it('the check warns of partitions of a merged target that expire', async () => {
    await setTargets({ defaultPartitionExpirationMs: String(60 * 86_400_000) });
    assert.deepEqual(await findings(MERGED), [], 'it is not partitioned');
    await on.query(
      `create table ${on.targetTable()} (project_id int64 not null, name string, company string, share numeric, opened timestamp,
         is_deleted bool, update_at timestamp, etl_transaction_id int64) partition by timestamp_trunc(opened, month)`,
    );

    assert.partialDeepStrictEqual(await findings(MERGED), [{ ok: true }]);
    await on.replicate();
    await on.assertEqual();
  });
});
