import assert from 'node:assert/strict';
import { AdminClient, unescaped } from '../../support/admin.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const SCRIPT = '"><script>alert(1)</script>';

describe('the page of an ETL transaction', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });
  const operator = new AdminClient(() => on.dependencies);
  const pageOf = (id: string) => operator.get(`/transactions/${id}`);

  beforeEach(async () => {
    await on.source.add('app_project', { id: 1, name: 'one' });
    await on.source.add('app_project', { id: 2, name: 'two' });
  });

  it('shows what an applied batch did, how long each phase took, and what came before it', async () => {
    const first = await on.replicate();
    await on.source.change('app_project', 1, { name: 'changed' });
    const { etlTransactionId } = await on.replicate();
    const page = await pageOf(etlTransactionId);

    assert.equal(page.status, 200);
    assert.match(
      page.text,
      new RegExp(`ETL transaction ${etlTransactionId} ● applied incremental batch of pmr_project`),
    );
    assert.match(page.text, /Extracting: capture, copy, load: [\d.]+ s/);
    assert.match(page.text, /Staged and applying: [\d.]+ s/);
    assert.match(
      page.text,
      /Added 0 Changed 1 Deleted 0 Unchanged 0 Log rows 1 Staged rows 1 Staged deletes 0/,
    );
    assert.match(page.text, /Its oldest change was logged .* and was in the target [\d.]+ s later/);
    assert.match(page.html, new RegExp(`href="/transactions/${first.etlTransactionId}"`));
    assert.match(page.html, /data-refresh-seconds="0"/);
    assert.doesNotMatch((await pageOf(first.etlTransactionId)).html, /rel="prev"/);
    assert.match((await pageOf(first.etlTransactionId)).html, /rel="next"/);
  });

  it('links to its jobs and its staged objects in the console', async () => {
    const { etlTransactionId } = await on.replicate();
    const [batch] = await on.batches();
    const html = unescaped((await pageOf(etlTransactionId)).html);

    const project = on.parts.env.GOOGLE_CLOUD_PROJECT;
    for (const job of [batch?.load_job_id, batch?.apply_job_id]) {
      assert.ok(
        html.includes(
          `href="https://console.cloud.google.com/bigquery?project=${project}&page=queryresults&j=bq:EU:${job}"`,
        ),
        String(job),
      );
    }
    const prefix = `pmr_project/${etlTransactionId}/`;
    const browser = 'https://console.cloud.google.com/storage/browser';
    assert.ok(html.includes(`href="${browser}/${on.bucket.name}/${prefix}?project=${project}"`));
    assert.ok(
      html.includes(`href="${browser}/_details/${on.bucket.name}/${prefix}manifest.json?project=${project}"`),
    );
    assert.ok(
      (await on.stagedObjects({ view: 'pmr_project', etlTransactionId })).includes(`${prefix}manifest.json`),
    );
    assert.match(html, /<td class="number">[\d.]+ k?B<\/td>/);
  });

  it('refreshes itself while the batch is in flight, and no longer', async () => {
    const staged = await on.stage();
    const inFlight = await pageOf(staged.etlTransactionId);
    await on.merge(staged);
    const applied = await pageOf(staged.etlTransactionId);

    assert.match(inFlight.html, /data-refresh-seconds="3"/);
    assert.match(inFlight.text, /Staged: waits to be applied: [\d.]+ s so far/);
    assert.match(inFlight.text, /Added – Changed –/);
    assert.match(applied.html, /data-refresh-seconds="0"/);
  });

  it('shows a streamed batch, which has no merge job', async () => {
    await on.source.add('app_incident', { id: 1, status: 'open' });
    await on.replicate(STREAMED_ENTRY.name);
    await on.source.change('app_incident', 1, { status: 'closed' });
    const { etlTransactionId } = await on.replicate(STREAMED_ENTRY.name);

    const page = await pageOf(etlTransactionId);

    assert.match(page.text, /objects_SMartDataAnalytics_xyz_incident_\S+ .* 10\.5 MB/);
    assert.doesNotMatch(page.text, /has not been seen to end/);
    assert.match(page.text, /Added 0 Changed 1 Deleted 0/);
  });

  it('shows why a batch failed, with the advice', async () => {
    const { etlTransactionId } = await on.stage();
    await on.control.query(
      `update etl.etl_transaction set state = 'failed', ended_at = now(), error = $1 where id = $2`,
      [`refused ${SCRIPT}`, etlTransactionId],
    );
    await on.control.query(
      `insert into etl.etl_error (function_name, view_name, etl_transaction_id, kind, message, advice, halts_view)
       values ('merge', 'pmr_project', $1, 'warehouse', $2, 'Undo the change. Then redrive the view.', true)`,
      [etlTransactionId, `refused ${SCRIPT}`],
    );

    const page = await pageOf(etlTransactionId);

    assert.match(page.text, /■ failed/);
    assert.match(page.text, /■ open warehouse in merge/);
    assert.match(page.text, /Undo the change\. Then redrive the view\./);
    assert.match(page.html, /href="\/failures\/1"/);
    assert.ok(page.text.includes(`refused ${SCRIPT}`));
    assert.ok(!page.html.includes('<script>alert'));
  });

  it('shows policy values, definition, checkpoint and checks', async () => {
    const { etlTransactionId } = await on.replicate();
    await on.control.query(
      `update etl.etl_transaction set policy_values = '{"share": 12000}' where id = $1`,
      [etlTransactionId],
    );
    await on.reconcile();

    const page = await pageOf(etlTransactionId);

    assert.match(page.text, /Values that a policy replaced Column Values share 12,000/);
    assert.match(page.text, /"fingerprint": "/);
    assert.match(page.text, /"floorId": "/);
    assert.match(page.text, /Check 1 : ● equal/);
    assert.match(page.text, /both sides: ● equal/);
  });

  it('is not found for a number that no transaction has', async () => {
    for (const id of [
      '99',
      'abc',
      '0x1',
      '99999999999999999999',
      encodeURIComponent(SCRIPT),
      "1'--",
      '%00',
    ]) {
      const page = await pageOf(id);
      assert.equal(page.status, 404, id);
      assert.match(page.text, /There is no ETL transaction/);
      assert.ok(!page.html.includes('<script>alert'));
    }
  });

  it('is shown to viewers', async () => {
    const { etlTransactionId } = await on.replicate();
    const viewer = new AdminClient(() => on.dependencies, 'viewer');

    assert.equal((await viewer.get(`/transactions/${etlTransactionId}`)).status, 200);
  });
});

describe('the search by key', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });
  const operator = new AdminClient(() => on.dependencies);
  const search = (key: string, more = '') =>
    operator.get(`/transactions?${new URLSearchParams({ view: 'pmr_project', key })}${more}`);
  const carriers = (html: string) => [...html.matchAll(/<tr id="t(\d+)">/g)].map(([, id]) => id);

  beforeEach(async () => {
    for (const id of [1, 12]) await on.source.add('app_project', { id, name: `number 1 of ${id}` });
  });

  it('finds the batches whose staged objects have the key, as a row or as a delete', async () => {
    const loaded = await on.replicate();
    await on.source.change('app_project', 12, { name: 'mentions 1' });
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'two' });
    const changed = await on.replicate();
    await on.source.delete('app_project', 1);
    const deleted = await on.replicate();

    const page = await search('1');

    assert.deepEqual(carriers(page.html), [
      deleted.etlTransactionId,
      changed.etlTransactionId,
      loaded.etlTransactionId,
    ]);
    assert.match(page.text, /○ a delete .*● a row .*● a row/);
    assert.match(page.text, /Looked through the staged objects of 4 batches/);
    assert.match(page.html, /href="\/views\/pmr_project\/row\?key=1"/);
  });

  it('says which batches it could not look through', async () => {
    const gone = await on.replicate();
    await on.bucket.deleteFiles({ prefix: `pmr_project/${gone.etlTransactionId}/` });
    await on.source.change('app_project', 1, { name: 'two' });
    const large = await on.replicate();
    await on.control.query('update etl.etl_transaction set staged_bytes = 1000000000 where id = $1', [
      large.etlTransactionId,
    ]);

    const page = await search('1');

    assert.deepEqual(carriers(page.html), []);
    assert.match(page.text, /Those of 1 batch are deleted already or were never written/);
    assert.match(page.text, /1 batch is too large to be looked through here/);
    assert.match(page.text, /None of these batches has the key/);
  });

  it('looks only through the batches that the filters match', async () => {
    await on.replicate();
    await on.source.change('app_project', 1, { name: 'two' });
    const changed = await on.replicate();

    assert.deepEqual(carriers((await search('1', '&kind=incremental')).html), [changed.etlTransactionId]);
  });

  it('finds the key in the queue and in the differences of checks', async () => {
    await on.replicate();
    await on.dependencies.control.queuedKeys.add('pmr_project', ['1'], 'repair');
    await on.query(`delete from ${on.targetTable()} where project_id = 12`);
    await on.reconcile();

    assert.match((await search('12')).text, /Check 1 .*missing/);
    await on.dependencies.control.queuedKeys.add('pmr_project', ['1'], 'backfill');
    assert.match((await search('1')).text, /In the queue ◐ backfill due/);
    assert.match((await search('2')).text, /The key does not wait to be fetched/);
  });

  it('takes any text for a key, and refuses a view that is not there', async () => {
    await on.replicate();
    for (const key of [SCRIPT, "' or true --", '%', '1 ', 'é"\\', '-1']) {
      const page = await search(key);
      assert.equal(page.status, 200, key);
      assert.deepEqual(carriers(page.html), [], key);
      assert.ok(!page.html.includes('<script>alert'));
    }
    const unknown = await operator.get('/transactions?view=nowhere&key=1');
    assert.equal(unknown.status, 400);
    assert.match(unknown.text, /no view source is named "nowhere"/);
  });
});
