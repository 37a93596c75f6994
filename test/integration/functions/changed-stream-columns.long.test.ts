import assert from 'node:assert/strict';
import { dryRun } from '../../../shared/operations/dry-run.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { redriveView } from '../../../shared/operations/redrive.ts';
import { failBefore, refuse } from '../../emulators/faults.ts';
import { type Installation, STREAMED_ENTRY } from '../../support/installation.ts';
import { pageByPage } from '../../support/page-by-page.ts';
import { useInstallation } from '../../support/use-installation.ts';

const VIEW = STREAMED_ENTRY.name;
/** How source.sql computes the columns of the view. */
const EXPRESSIONS = {
  incident_id: 'id',
  inventory_id: 'inventory_id',
  incident_type: 'type',
  service_type: 'null::text',
  severity: 'null::text',
  status: 'status',
  open_datetime: `to_char(opened at time zone 'UTC', 'YYYY-MM-DD HH24:MI')`,
  close_datetime: `to_char(closed at time zone 'UTC', 'YYYY-MM-DD HH24:MI')`,
  incident_owner: 'owner',
};

/** The view of source.sql made anew: `more` are columns by name, as SQL, in addition or instead; null leaves a column out. */
function viewSql(more: Record<string, string | null> = {}): string {
  const columns = Object.entries({ ...EXPRESSIONS, ...more }).flatMap(([name, expression]) =>
    expression === null ? [] : [`${expression} as "${name}"`],
  );
  return `drop view xyz_incident; create view xyz_incident as
    select ${columns.join(', ')} from app_incident where not is_hidden;
    grant select on xyz_incident to reader`;
}

describe('a streamed view whose columns change', () => {
  const { on, stack } = useInstallation({ views: [STREAMED_ENTRY] });
  const sql = (text: string) => on.source.database.query(text);
  const makeView = (more?: Record<string, string | null>) => sql(viewSql(more));
  const alter = (what: string) => on.query(`alter table ${on.targetTable('incident')} ${what}`);
  const types = async () => {
    const [metadata] = await on.bigquery.dataset('SMartDataAnalytics').table('incident').getMetadata();
    const fields = metadata.schema.fields as { name: string; type: string }[];
    return Object.fromEntries(fields.map(({ name, type }) => [name, type]));
  };
  const reported = async (): Promise<string[]> =>
    Object.keys(
      (await on.query('select * from View_SMartData.view_incident where incident_id = 1'))[0] ?? {},
    );
  const values = async (column: string) =>
    (await on.query(`select ${column} from ${on.targetTable('incident')} order by incident_id`)).map(
      (row) => row[column],
    );
  const changes = async () =>
    (await on.control.query('select kind, action, details from etl.schema_change order by id')).rows;
  const actions = async () => (await changes()).map(({ kind, action }) => `${kind} ${action}`);
  /** The next extract lets the reporting view follow, which then equals the view in the source, column by column. */
  const isEqual = async (...columns: string[]) => {
    assert.equal((await on.extract(VIEW)).outcome, 'idle');
    const names = ['incident_id', ...columns].join(', ');
    const texts = (rows: Record<string, unknown>[]) =>
      rows.map((row) => Object.values(row).map((value) => (value === null ? null : String(value))));
    const { rows } = await sql(`select ${names} from xyz_incident order by 1`);
    const found = await on.query(`select ${names} from View_SMartData.view_incident order by incident_id`);
    assert.deepEqual(texts(found), texts(rows));
  };
  const resync = async (...columns: string[]) => {
    assert.deepEqual(await on.extract(VIEW), { outcome: 'resync requested', view: VIEW });
    const streamed = await on.replicate(VIEW);
    await isEqual(...columns);
    return streamed;
  };
  /** Stages the whole view, which has got a column. */
  const stageWhole = async (more: Record<string, string | null>) => {
    await makeView(more);
    assert.equal((await on.extract(VIEW)).outcome, 'resync requested');
    const batch = await on.stage(VIEW);
    assert.equal(batch.kind, 'resync');
    return batch;
  };
  /** The same installation, whose clock is that much ahead. */
  const later = async (minutes: number): Promise<Installation> => {
    const process = await on.anotherProcess();
    const clock = { nowMs: () => Date.now() + minutes * 60_000 };
    process.dependencies = { ...process.dependencies, clock };
    return process;
  };
  const redrive = async () => {
    await redriveView({ command: 'redriveView', view: VIEW }, on.dependencies);
    await on.mailboxes.extract.take();
  };
  const REMARK = { remark: `'about ' || id` };

  beforeEach(async () => {
    await on.source.add('app_incident', { id: 1, type: 'one', owner: 'Zoë' }, { id: 2, type: 'two' });
    await on.replicate(VIEW);
    // A view that was never streamed is loaded by a load job.
    await on.source.add('app_incident', { id: 3, type: 'three' });
    await on.replicate(VIEW);
    await on.mailboxes.stream.take();
  });

  it('I2 gets an added column with its values in all rows, and then in the reporting view, by one resync', async () => {
    const batch = await stageWhole({ ...REMARK, ids: 'array[id]', incident_type: 'upper(type)' });

    assert.partialDeepStrictEqual(await types(), { remark: 'STRING', ids: 'INTEGER' });
    assert.ok(!(await reported()).includes('remark'), 'old rows have no values yet');
    assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '3' });
    await isEqual('remark', 'ids', 'incident_type', 'incident_owner');

    assert.ok((await reported()).includes('remark'));
    assert.deepEqual(await actions(), ['replaced resync', 'columns evolved']);
    await on.source.change('app_incident', 2, { type: 'later' });
    await on.source.delete('app_incident', 3);
    assert.partialDeepStrictEqual(await on.replicate(VIEW), { changed: '1', deleted: '1' });
    await isEqual('remark', 'incident_type');
  });

  it('I2 gets an added column by a resync where no definition of the view was recorded', async () => {
    await on.control.query('update etl.checkpoint set definition = null');
    await makeView(REMARK);
    await on.source.change('app_incident', 2, { type: 'later' });

    await resync('remark', 'incident_type');
  });

  it('I2 empties a dropped column, records it, and fills it again when it comes back', async () => {
    await makeView({ incident_owner: null });
    await resync('incident_type');
    assert.deepEqual(await values('incident_owner'), [null, null, null]);
    assert.match(JSON.stringify((await changes()).at(-1)), /column incident_owner is not in the view/);
    await on.source.change('app_incident', 1, { type: 'uno' });
    assert.partialDeepStrictEqual(await on.replicate(VIEW), { changed: '1' });

    const batch = await stageWhole({});
    assert.ok(!(await reported()).includes('incident_owner'), 'its values are yet to come');
    await on.stream(batch);
    await isEqual('incident_type', 'incident_owner');

    assert.deepEqual(await values('incident_owner'), ['Zoë', null, null]);
  });

  it('I2 there and back, before the batch with the column is applied', async () => {
    const batch = await stageWhole(REMARK);
    await makeView();

    await on.stream(batch);
    assert.deepEqual(await values('remark'), ['about 1', 'about 2', 'about 3']);
    await resync('incident_type');

    assert.deepEqual(await values('remark'), [null, null, null]);
    assert.ok(!(await reported()).includes('remark'));
    await makeView({ remark: `'again ' || id` });
    await resync('remark');
  });

  it('I2 there and back with another type gets a new target', async () => {
    await makeView(REMARK);
    await resync('remark');
    await makeView();
    await resync('incident_type');

    await makeView({ remark: 'id' });
    await resync('remark');

    assert.deepEqual((await types()).remark, 'INTEGER');
  });

  it('I2 follows another type that is the same in BigQuery, without a resync', async () => {
    await sql(
      `drop view xyz_incident; alter table app_incident alter inventory_id type integer, alter type type varchar(80)`,
    );
    await sql(viewSql().replace('drop view xyz_incident;', ''));
    await on.source.change('app_incident', 2, { inventory_id: 7, type: 'Two' });

    assert.partialDeepStrictEqual(await on.replicate(VIEW), { outcome: 'applied', changed: '1' });

    await isEqual('inventory_id', 'incident_type');
    assert.deepEqual(await actions(), []);
  });

  describe('while the Write API does not know the new column', () => {
    const status = async () => (await on.dependencies.control.status.views(VIEW))[0];
    const whole = async () => {
      const end = stack.bigquery.delaySchemas();
      return { batch: await stageWhole(REMARK), end };
    };

    it('I2 waits visibly, sends no row without it, and is applied afterwards', async () => {
      const checkpoint = await on.checkpointOf(VIEW);
      const { batch, end } = await whole();
      const target = await on.target('incident');

      for (const minutes of [0, 0, 59]) {
        await assert.rejects((await later(minutes)).stream(batch), {
          kind: 'transient',
          message: /extra fields: 'remark'; the rows wait until the Storage Write API knows/,
        });
      }
      assert.deepEqual(await on.target('incident'), target);
      assert.deepEqual(await on.checkpointOf(VIEW), checkpoint);
      assert.partialDeepStrictEqual(await status(), { state: 'retrying', failedAttempts: 3 });
      assert.match(String((await status())?.lastError), /remark/);
      const { views } = await dryRun({ view: VIEW }, on.dependencies);
      assert.match(String(views[0]?.would), /^announce batch \d+ again \(applying\)$/);
      assert.match(String(views[0]?.lastError), /remark.*the rows wait until the Storage Write API knows/);
      end();

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '3' });
      assert.equal((await status())?.state, 'running');
      await isEqual('remark');
    });

    it('I8 halts after an hour, and the advice, followed literally, mends it', async () => {
      const { batch, end } = await whole();

      const error = await (await later(61)).stream(batch).then(
        () => assert.fail('the batch was applied'),
        (thrown: Error & { kind: string; advice: string }) => thrown,
      );

      assert.equal(error.kind, 'warehouse');
      assert.match(error.message, /'remark'.* for an hour/);
      assert.match(error.advice, /\{"view":"xyz_incident","redrive":true\}/);
      assert.match(String(await on.haltedReason(VIEW)), /for an hour/);
      await redrive();
      const again = await on.stage(VIEW);
      assert.equal(again.kind, 'resync');
      assert.ok(!(await reported()).includes('remark'), 'old rows still have no values');
      await assert.rejects(on.stream(again), { kind: 'transient' });
      end();
      await on.stream(again);
      await isEqual('remark');
      assert.deepEqual(await on.states(VIEW), ['applied', 'applied', 'abandoned', 'applied']);
    });

    const refusals = {
      'by ending the connection': failBefore('INVALID_ARGUMENT', 'SCHEMA_MISMATCH_EXTRA_FIELDS'),
      'in an answer': refuse('INVALID_ARGUMENT', 'SCHEMA_MISMATCH_EXTRA_FIELDS'),
    };
    for (const [how, fault] of Object.entries(refusals)) {
      it(`I2 waits when it is refused ${how}`, async () => {
        const batch = await stageWhole(REMARK);
        stack.bigquery.faults.next('AppendRows', fault);

        await assert.rejects(on.stream(batch), { kind: 'transient', message: /the rows wait until/ });

        assert.deepEqual(stack.bigquery.faults.unused, []);
        assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '3' });
        await isEqual('remark');
      });
    }
  });

  describe('between extract and apply', () => {
    beforeEach(() => on.source.change('app_incident', 2, { type: 'Two' }));

    it('I2 applies a batch with its own columns, and is loaded again with an added one', async () => {
      const batch = await on.stage(VIEW);
      await makeView(REMARK);
      await on.stream(batch);

      await resync('remark', 'incident_type');
    });

    it('I2 applies a batch with its own columns, and is loaded again without a dropped one', async () => {
      const batch = await on.stage(VIEW);
      await makeView({ incident_owner: null });
      await on.stream(batch);
      assert.deepEqual(await values('incident_owner'), ['Zoë', null, null]);

      await resync('incident_type');

      assert.deepEqual(await values('incident_owner'), [null, null, null]);
    });

    it('I2 applies a batch to a target that has more columns, and fills them by the next one', async () => {
      const batch = await on.stage(VIEW);
      await makeView(REMARK);
      await alter('add column remark string');

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', changed: '1' });

      assert.deepEqual(await values('remark'), [null, null, null]);
      await resync('remark', 'incident_type');
    });

    it('I8 halts when its target has lost a column, and the advice, followed literally, mends it', async () => {
      const batch = await on.stage(VIEW);
      await alter('drop column incident_owner');
      stack.bigquery.faults.clear();

      await assert.rejects(on.stream(batch), {
        kind: 'schema_drift',
        message: /column incident_owner \(STRING\) is missing/,
        advice: /Send \{"view":"xyz_incident","redrive":true\}/,
      });

      assert.equal(stack.bigquery.faults.calls.includes('AppendRows'), false);
      await redrive();
      await resync('incident_owner', 'incident_type');
    });

    it('I2 captures a batch to its end while somebody waits to replace the view', async () => {
      const held = stack.storage.faults.holdNext('storage.objects.insert');
      const staging = on.stage(VIEW);
      await held.reached;
      const replacing = makeView(REMARK);
      held.release();

      await on.stream(await staging);
      await replacing;

      await resync('remark', 'incident_type');
    });
  });

  describe('while a stream is open', () => {
    /** Three requests. */
    beforeEach(() =>
      sql(`with added as (
          insert into app_incident (id, type) select i, repeat('x', 50) from generate_series(10, 20010) i returning id)
        insert into models_logging_change (object_id, content_type_id, action) select id, 18, 'added' from added`),
    );

    it('I2 goes on with the columns of the batch, and is loaded again afterwards', async () => {
      const parts = await on.anotherProcess({ MAX_PART_BYTES: '1024' });
      const batch = await parts.stage(VIEW);
      stack.bigquery.faults.clear();
      const held = stack.bigquery.faults.holdNext('AppendRows');
      const streaming = on.stream(batch);
      await held.reached;
      await makeView(REMARK);
      assert.equal((await on.extract(VIEW)).outcome, 'busy');
      await alter('add column remark string');
      held.release();

      assert.partialDeepStrictEqual(await streaming, { outcome: 'applied', added: '20001' });

      assert.ok(stack.bigquery.faults.calls.filter((call) => call === 'AppendRows').length > 2);
      await resync('remark', 'incident_type');
    });

    it('I7 is not overwritten by a request with the former columns that arrives late', async () => {
      const batch = await on.stage(VIEW);
      const held = stack.bigquery.faults.holdNext('AppendRows');
      const sleeper = await on.anotherProcess();
      const asleep = assert.rejects(sleeper.stream(batch), { kind: 'superseded' });
      await held.reached;
      await on.control.query('delete from etl.lease');
      await on.stream(batch);
      await makeView(REMARK);
      await resync('remark');

      held.release();
      await asleep;

      await isEqual('remark', 'incident_type');
    });

    it('I2 continues a batch in its own columns after the view and the target have got another one', async () => {
      const pausing = await pageByPage(on, 16_384);
      const batch = await pausing.stage(VIEW);
      assert.equal((await pausing.stream(batch)).outcome, 'continued');
      await makeView(REMARK);
      await alter('add column remark string');

      assert.partialDeepStrictEqual(await on.stream(batch), { outcome: 'applied', added: '20001' });

      await resync('remark', 'incident_type');
    });
  });

  it('I8 halts if its view source freezes the columns', async () => {
    await on.control.query(`update etl.view_source set column_changes = 'freeze' where name = $1`, [VIEW]);
    await makeView(REMARK);
    assert.equal((await on.extract(VIEW)).outcome, 'resync requested');

    await assert.rejects(on.extract(VIEW), {
      kind: 'schema_drift',
      message: /column remark \(STRING\) is missing/,
      advice: /Give the view its former columns/,
    });

    assert.equal((await types()).remark, undefined);
    await makeView();
    await on.dependencies.control.viewStops.resume(VIEW);
    await on.replicate(VIEW);
    await on.assertIncidentsEqual();
  });

  it('I8 halts for a column of its target that is not of our making', async () => {
    await alter('add column extra string');
    await on.source.change('app_incident', 2, { type: 'Two' });

    await assert.rejects(on.extract(VIEW), {
      kind: 'schema_drift',
      message: /column extra is not in the view/,
    });
  });

  const refused: Record<string, [Record<string, string | null>, RegExp]> = {
    'of the key is dropped': [{ incident_id: null }, /key column incident_id does not exist in the view/],
    'that partitions the target is dropped': [
      { open_datetime: null },
      /partition column open_datetime does not exist in the view/,
    ],
    'that clusters the target is dropped': [
      { severity: null },
      /cluster column severity does not exist in the view/,
    ],
    'of the reporting view is dropped': [
      { close_datetime: null },
      /report column close_datetime does not exist in the view/,
    ],
    'gets a name that a field of protobuf cannot have': [
      { 'two words': 'owner' },
      /column "two words" has a name that a field of protobuf cannot have/,
    ],
  };
  for (const [what, [more, message]] of Object.entries(refused)) {
    it(`I8 halts when a column ${what}, and changes no table`, async () => {
      await on.control.query(
        `update etl.view_source set cluster_columns = '{severity}', report_column = 'close_datetime' where name = $1`,
        [VIEW],
      );
      const before = await types();
      await makeView(more);

      await assert.rejects(on.extract(VIEW), { kind: 'configuration', message });

      assert.deepEqual(await types(), before);
      assert.match(String(await on.haltedReason(VIEW)), message);
    });
  }

  it('I2 knows its columns after an upgrade from a release that did not record them', async () => {
    await on.control.query(`update etl.view_source set known_columns = '{}' where name = $1`, [VIEW]);
    assert.equal((await on.extract(VIEW)).outcome, 'idle');
    await makeView({ incident_owner: null });

    await resync('incident_type');

    assert.deepEqual(await values('incident_owner'), [null, null, null]);
  });

  it('is ready for a new column, says the check', async () => {
    await makeView(REMARK);
    const { findings } = await preflight({ view: VIEW }, on.dependencies);

    const found = findings.find(({ check }) => check === `view ${VIEW}`);
    assert.match(String(found?.message), /its tables will follow: .*column remark \(STRING\) is missing/);
    assert.equal(found?.ok, true);
  });
});
