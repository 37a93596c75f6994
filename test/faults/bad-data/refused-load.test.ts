import assert from 'node:assert/strict';
import { gunzipSync, gzipSync } from 'node:zlib';
import { failJob } from '../../emulators/bigquery/job-faults.ts';
import { useStack } from '../../support/use-installation.ts';
import { ThingView, VIEW } from './thing-view.ts';

const ROWS = 300;
const OBJECT = `${VIEW}/2/upserts-00000.ndjson.gz`;

/**
 * No known PostgreSQL value passes our checks and is then refused by BigQuery. These tests therefore put a bad value into the staged
 * object.
 */
describe('a row that only BigQuery refuses', () => {
  const stack = useStack();

  /** A loaded view, all of whose rows change. Avro cannot hold the name of the last column, so that the rows are staged as lines. */
  async function install(): Promise<ThingView> {
    const thing = await installUnloaded();
    await thing.replicate();
    await thing.on.source.database.query('update app_thing set count = count + 0');
    await thing.logAll();
    return thing;
  }

  async function installUnloaded(): Promise<ThingView> {
    const columns = { name: 'text', count: 'integer', จำนวน: 'integer' };
    const thing = await ThingView.install(stack, { loadType: 'merge', columns });
    await thing.on.source.database.query(
      `insert into app_thing (id, name, count) select i, 'Größe ' || i, i from generate_series(1, ${ROWS}) i`,
    );
    return thing;
  }

  /** Replaces a value of this row, in the staged object, by a text that is no INT64. */
  async function breakRow({ on }: ThingView, key: number, object = OBJECT): Promise<void> {
    const file = on.bucket.file(object);
    const lines = gunzipSync((await file.download({ decompress: false }))[0]).toString('utf8');
    const broken = lines.replace(`"count":${key},`, `"count":"12 pieces",`);
    assert.notEqual(broken, lines);
    await file.save(gzipSync(broken), { resumable: false });
  }

  async function assertHaltedAt(key: number, thing: ThingView): Promise<void> {
    const reason = String(await thing.on.haltedReason(VIEW));
    assert.match(reason, new RegExp(`^view thing_view: key ${key}: .*Field: count; Value: …`));
    const errors = await thing.on.errors();
    assert.partialDeepStrictEqual(errors, [{ kind: 'bad_data', view_name: VIEW }]);
    const letters = await thing.on.mailboxes.deadLetter.take();
    const shown = JSON.stringify([reason, letters, errors.map(({ message }) => message)]);
    assert.doesNotMatch(shown, /12 pieces/, 'the value must not be shown');
    await thing.resume();
    await thing.replicate();
    await thing.assertEqual();
  }

  for (const key of [1, 150, ROWS]) {
    it(`I8 is reported with its key when a batch is loaded into the temp table: key ${key}`, async () => {
      const thing = await install();
      const held = stack.bigquery.faults.holdNext('bigquery.job.load');
      const staging = assert.rejects(thing.stage(), { kind: 'bad_data' });
      await held.reached;
      await breakRow(thing, key);
      held.release();

      await staging;

      await assertHaltedAt(key, thing);
    });
  }

  it('I8 is reported with its key when a whole view is loaded into its target, which stays empty', async () => {
    const thing = await installUnloaded();
    const batch = await thing.stage();
    const held = stack.bigquery.faults.holdNext('bigquery.job.load');
    const loading = assert.rejects(thing.apply(batch), { kind: 'bad_data' });
    await held.reached;
    await breakRow(thing, 150, OBJECT.replace('/2/', '/1/'));
    held.release();

    await loading;

    assert.deepEqual(await thing.on.query('select * from SMartDataAnalytics.thing'), []);
    await assertHaltedAt(150, thing);
  });

  it('I8 is reported with its key when the load job outlives extract, and a later extract waits for it', async () => {
    const thing = await install();
    const held = stack.bigquery.faults.holdNext('bigquery.job.load');
    const hurried = await thing.on.hurriedProcess(held);
    assert.equal((await hurried.extract(VIEW)).outcome, 'loading');
    await breakRow(thing, 150);
    held.release();

    await assert.rejects(thing.on.extract(VIEW), { kind: 'bad_data' });

    await assertHaltedAt(150, thing);
  });

  const wordings: [what: string, message: string][] = [
    ['without a position', 'Error while reading data, error message: something is wrong'],
    [
      'past the end of the object',
      `Error while reading data, error message: JSON parsing error in row starting at position 99999999: ? File: gs://staging-N/${OBJECT}`,
    ],
    [
      'in an object that is not ours',
      'Error while reading data, error message: JSON parsing error in row starting at position 0: ? File: gs://elsewhere/a.json',
    ],
  ];
  for (const [what, message] of wordings) {
    it(`is reported with the message of BigQuery when that names a place ${what}`, async () => {
      const thing = await install();
      const reported = message.replace('staging-N', thing.on.bucket.name);
      stack.bigquery.faults.next('bigquery.job.load', failJob('invalid', reported));

      await assert.rejects(thing.stage(), { kind: 'warehouse' });

      const reason = String(await thing.on.haltedReason(VIEW));
      assert.ok(reason.endsWith(reported), reason);
      assert.doesNotMatch(reason, /key/);
    });
  }
});
