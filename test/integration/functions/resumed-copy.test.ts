import assert from 'node:assert/strict';
import { WHOLE } from '../../../shared/model/slice.ts';
import { failBefore, pass } from '../../emulators/faults.ts';
import type { Installation } from '../../support/installation.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const ROWS = 1000;
const SETTINGS = { SLICE_ROWS: '250', MAX_SLICES: '1' };
const HOUR_MS = 3_600_000;

describe('a whole view whose copy takes several calls', () => {
  const { on, stack } = useInstallation({ settings: SETTINGS, views: [STREAMED_ENTRY] });

  beforeEach(() =>
    on.source.database.query(
      `insert into app_project (id, name) select n, 'project ' || n from generate_series(1, ${ROWS}) n;
       insert into app_incident (id, type) select n, 'incident ' || n from generate_series(1, ${ROWS}) n;
       analyze app_project; analyze app_incident`,
    ),
  );

  /** A process whose time is up as soon as it has copied so many slices. */
  const briefProcess = async (slices: number): Promise<Installation> => {
    const brief = await on.anotherProcess();
    const { control } = brief.dependencies;
    const { note } = control.slicedCopies;
    let [copied, aheadMs] = [0, 0];
    const noteAndAge: typeof note = async (...slice) => {
      const progress = await note(...slice);
      copied += 1;
      if (copied === slices) aheadMs = HOUR_MS;
      return progress;
    };
    brief.dependencies = {
      ...brief.dependencies,
      clock: { nowMs: () => Date.now() + aheadMs },
      control: { ...control, slicedCopies: { ...control.slicedCopies, note: noteAndAge } },
    };
    return brief;
  };

  /** A process with 90 seconds for each call, of which each slice takes so many, and nothing else any. */
  const steadyProcess = async (sliceSeconds: number): Promise<Installation> => {
    const steady = await on.anotherProcess({ TIME_LIMIT_SECONDS: '100' });
    const { control } = steady.dependencies;
    let nowMs = Date.now();
    const noteAndAge: typeof control.slicedCopies.note = async (...slice) => {
      nowMs += sliceSeconds * 1000;
      return await control.slicedCopies.note(...slice);
    };
    steady.dependencies = {
      ...steady.dependencies,
      clock: { nowMs: () => nowMs },
      control: { ...control, slicedCopies: { ...control.slicedCopies, note: noteAndAge } },
    };
    return steady;
  };

  const copied = async () =>
    (
      await on.control.query(
        `select place, snapshot, objects->0->>'name' as object from etl.copied_slice where copied_at is not null order by copied_at`,
      )
    ).rows;

  const changeEverywhere = async (table: 'app_project' | 'app_incident', name: string) => {
    // Of four slices with 250 keys each, the first is copied.
    await on.source.change(table, 10, { [name]: 'changed after its slice' });
    await on.source.change(table, 990, { [name]: 'changed before its slice' });
    await on.source.delete(table, 20);
    await on.source.delete(table, 980);
    await on.source.add(table, { id: -5, [name]: 'added below' }, { id: 5000, [name]: 'added above' });
    for (const [before, after] of [
      [30, 970],
      [960, 40],
    ] as const) {
      // The row that had this key, and then the one that takes it.
      await on.source.delete(table, after);
      await on.source.database.query(`update ${table} set id = ${after} where id = ${before}`);
      await on.source.log(table, after, 'changed', { id: { old: String(before), new: String(after) } });
    }
  };

  for (const [view, table, column] of [
    ['pmr_project', 'app_project', 'name'],
    ['xyz_incident', 'app_incident', 'type'],
  ] as const) {
    it(`I1 I2 loads ${view} with what changed between its slices: rows, keys and deletions`, async () => {
      assert.partialDeepStrictEqual(await (await briefProcess(1)).extract(view), {
        ...{ outcome: 'copying', etlTransactionId: '1', slices: 4, slicesDone: 1 },
        rows: '249',
      });
      await changeEverywhere(table, column);
      assert.partialDeepStrictEqual(await (await briefProcess(2)).extract(view), {
        ...{ outcome: 'copying', etlTransactionId: '1', slices: 4, slicesDone: 3 },
      });
      await on.source.change(table, 400, { [column]: 'changed later' });

      const batch = await on.stage(view);

      assert.partialDeepStrictEqual(batch, { etlTransactionId: '1', kind: 'initial', hasMore: true });
      await on.mailboxes.extract.take();
      await on.apply(batch);
      // What changed between the slices is captured at once.
      assert.deepEqual(await on.mailboxes.extract.take(), [{ view, trigger: 'continue' }]);
      // Its rows are of no single snapshot.
      assert.equal((await on.batches(view))[0]?.source_rows, null);
      await on.catchUp(view);
      await on.assertEqual(view);
      assert.deepEqual(await on.states(view), ['applied', 'applied']);
      // One snapshot for each call.
      const slices = await copied();
      assert.equal(new Set(slices.map(({ snapshot }) => snapshot)).size, 3);
      assert.equal(slices.length, 4);
    });

    it(`I1 I2 loads ${view} again, over the rows that its target has`, async () => {
      await on.replicate(view);
      await on.source.database.query(`delete from ${table} where id between 100 and 120`);
      await on.dependencies.control.viewStops.requestResync(view, { isWanted: true, acceptsDeletes: false });
      await (await briefProcess(1)).extract(view);
      await changeEverywhere(table, column);

      await on.apply(await on.stage(view));
      await on.catchUp(view);

      await on.assertEqual(view);
    });
  }

  it('goes on at once, and says how far it is', async () => {
    await (await briefProcess(1)).extract();

    assert.deepEqual(await on.mailboxes.extract.take(), [{ view: 'pmr_project', trigger: 'copy' }]);
    const [status] = await on.dependencies.control.status.views('pmr_project');
    assert.partialDeepStrictEqual(status?.inFlight?.copy, { slices: 4, slicesDone: 1, rows: '249' });
    assert.ok((status?.inFlight?.copy?.rowsPerSecond ?? 0) > 0);
    assert.ok((status?.inFlight?.copy?.secondsLeft ?? 0) > 0);
  });

  for (const [sliceSeconds, slicesDone, what] of [
    [35, 2, 'more than'],
    [36, 1, 'no more than'],
  ] as const) {
    it(`copies ${slicesDone} in a call that has ${what} one and a half times the time of the first left after it`, async () => {
      const result = await (await steadyProcess(sliceSeconds)).extract();

      assert.partialDeepStrictEqual(result, { outcome: 'copying', slices: 4, slicesDone });
    });
  }

  it('I5 copies no slice twice when a call fails, and names the objects of each call otherwise', async () => {
    stack.storage.faults.next('storage.objects.insert', pass(), pass(), failBefore(403));
    await assert.rejects(on.extract(), { kind: 'unauthorized' });
    const before = await copied();
    assert.equal(before.length, 2);

    const batch = await on.stage();

    assert.deepEqual((await copied()).slice(0, 2), before);
    assert.deepEqual(
      (await copied()).map(({ object }) => object),
      ['upserts-00000', 'upserts-00001', 'upserts-2-00000', 'upserts-2-00001'].map(
        (name) => `pmr_project/1/${name}.avro`,
      ),
    );
    assert.partialDeepStrictEqual(await on.merge(batch), { added: String(ROWS) });
    await on.assertEqual();
  });

  it('I8 is shown as retried only until the next slice is copied', async () => {
    const shown = async () => {
      const [status] = await on.dependencies.control.status.views('pmr_project');
      return [status?.state, status?.failedAttempts];
    };
    stack.storage.faults.next('storage.objects.insert', pass(), failBefore(403));
    await assert.rejects(on.extract(), { kind: 'unauthorized' });
    assert.deepEqual(await shown(), ['retrying', 1]);

    await (await briefProcess(1)).extract();

    assert.deepEqual(await shown(), ['running', 0]);
  });

  it('is recorded as stalled when calls end without a slice', async () => {
    const log = on.captureLog();
    for (let call = 0; call < 4; call += 1) {
      stack.storage.faults.next('storage.objects.insert', failBefore(403));
      await assert.rejects(on.extract(), { kind: 'unauthorized' });
    }

    const resumed = log.records().filter(({ message }) => String(message).startsWith('copy resumed'));
    assert.deepEqual(
      resumed.map(({ severity, callsWithoutSlice }) => [severity, callsWithoutSlice]),
      [
        ['INFO', 0],
        ['INFO', 1],
        ['ERROR', 2],
      ],
    );
  });

  it('I4 takes no slice from a process that lost its lease', async () => {
    const brief = await briefProcess(1);
    const { slicedCopies } = brief.dependencies.control;
    const { leases } = on.dependencies.control;
    const slow = { ...brief.dependencies.control };
    let stale: Parameters<typeof slicedCopies.note> | undefined;
    brief.dependencies = {
      ...brief.dependencies,
      control: {
        ...slow,
        slicedCopies: {
          ...slicedCopies,
          note: async (...slice) => {
            stale ??= [...slice];
            return await slicedCopies.note(...slice);
          },
        },
      },
    };
    await brief.extract();
    const lease = await leases.acquire('pmr_project', 60);
    assert.ok(stale !== undefined && lease !== null);
    const [, id, , slice] = stale;
    await on.dependencies.control.slicedCopies.resume(lease, id);

    for (const late of [stale[0], { ...stale[0], token: lease.token }]) {
      const noted = slicedCopies.note(late, id, 0, slice);
      await assert.rejects(noted, late === stale[0] ? { kind: 'superseded' } : /has no slice 0 to copy/);
    }
  });

  it('keeps a slice that is copied just after the time is up, although it was to be cut', async () => {
    const { etlTransactionId } = (await (await briefProcess(1)).extract()) as { etlTransactionId: string };
    const { leases, slicedCopies } = on.dependencies.control;
    const lease = await leases.acquire('pmr_project', 60);
    assert.ok(lease !== null);
    const id = BigInt(etlTransactionId);
    await slicedCopies.resume(lease, id);
    const before = await slicedCopies.read(id);

    assert.equal(await slicedCopies.split(lease, id, 0, [WHOLE]), false);
    assert.deepEqual(await slicedCopies.read(id), before);
    assert.equal(await slicedCopies.split(lease, id, 1, [WHOLE]), true);
    assert.deepEqual(
      (await slicedCopies.read(id))?.slices.map(({ place }) => place),
      [0, 2, 3, 4],
    );
  });

  for (const [what, change] of [
    [
      'the view was replaced',
      (db: Installation['source']['database']) =>
        db.query(
          `create or replace view pmr_project as select p.id as project_id, upper(p.name) as name, null::text as company, p.share, p.opened, p.updated_at from app_project p`,
        ),
    ],
    [
      'the log lost rows that it must still have',
      async (db: Installation['source']['database']) => {
        await db.query(
          `insert into models_logging_change (object_id, content_type_id, action) select '1', 7, 'changed' from generate_series(1, 3)`,
        );
        await db.query('delete from models_logging_change where id <= 3');
      },
    ],
  ] as const) {
    it(`begins anew if ${what}`, async () => {
      await on.source.log('app_project', 1, 'changed');
      await (await briefProcess(1)).extract();
      await change(on.source.database);

      const applied = await on.replicate();

      assert.partialDeepStrictEqual(applied, { etlTransactionId: '2', added: String(ROWS) });
      assert.deepEqual(await on.states(), ['abandoned', 'applied']);
    });
  }

  it('begins anew if the rules of its columns changed', async () => {
    await (await briefProcess(1)).extract();
    await on.control.query(
      `update etl.view_source set null_defaults = '{"company": "none"}' where name = 'pmr_project'`,
    );

    await on.replicate();

    assert.deepEqual(await on.states(), ['abandoned', 'applied']);
    assert.match(String((await on.batches())[0]?.error), /rules of the view changed/);
  });

  it('I9 keeps its slices while a value halts the view, and goes on when that is corrected', async () => {
    await on.source.database.query(`update app_project set share = 'NaN' where id = 700`);
    await assert.rejects(on.extract(), { kind: 'bad_data', message: /key 700, column share/ });
    assert.deepEqual([await on.states(), (await copied()).length], [['extracting'], 2]);
    await on.source.database.query(`update app_project set share = 7 where id = 700`);
    await on.dependencies.control.viewStops.resume('pmr_project');

    assert.partialDeepStrictEqual(await on.replicate(), { etlTransactionId: '1', added: String(ROWS) });
    await on.assertEqual();
  });

  it('is copied anew as JSON lines if a row of a later slice is too long for Avro', async () => {
    await on.source.database.query(`update app_project set name = repeat('x', 16000000) where id = 700`);

    const batch = await on.stage();

    const names = await on.stagedObjects(batch);
    assert.equal(names.filter((name) => name.endsWith('.ndjson.gz')).length, 4);
    const manifest = await on.dependencies.staging.readManifest('pmr_project/1/');
    assert.partialDeepStrictEqual(manifest, { format: 'ndjson', upserts: ROWS });
    assert.ok(manifest?.objects.every(({ name }) => name.includes('/upserts-2-')));
  });

  for (const [what, name, slices] of [
    ['that reads only its rows for each slice', 'p.name', 8],
    ['that reads all rows for each slice', 'p.name || row_number() over (order by p.name)', 2],
  ] as const) {
    it(`is cut into ${slices} slices if it is a view ${what}`, async () => {
      await on.source.database.query(
        `insert into app_project (id, name) select n, 'project ' || n from generate_series(${ROWS + 1}, 20000) n;
         analyze app_project;
         create or replace view pmr_project as
         select p.id as project_id, ${name} as name, null::text as company, p.share, p.opened, p.updated_at from app_project p`,
      );
      const process = await on.anotherProcess({ MAX_SLICES: '2', SLICE_ROWS: '2500' });

      await process.replicate();

      assert.equal((await copied()).length, slices);
      await on.assertEqual();
    });
  }
});
