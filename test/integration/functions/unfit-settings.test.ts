import assert from 'node:assert/strict';
import { preflight } from '../../../shared/operations/preflight.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
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
