import assert from 'node:assert/strict';
import { DeadlineExceeded } from '../../../shared/deadline.ts';
import { closeGate, GATED_COPY, type Gate } from '../../faults/gate.ts';
import type { Installation } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** Enough that a slice which is too slow is cut: with fewer, it would halt the view. */
const SLICE_ROWS = 12_000;
const SLICES = 3;
const ROWS = SLICES * SLICE_ROWS;
const PARTS = 10;

describe('a slice that is too slow', () => {
  const { on } = useInstallation({ settings: { SLICE_ROWS: String(SLICE_ROWS), MAX_SLICES: '1' } });
  let gate: Gate;

  beforeEach(async () => {
    await on.source.database.query(
      `insert into app_project (id, name) select n, 'project ' || n from generate_series(1, ${ROWS}) n;
       analyze app_project;
       ${GATED_COPY}`,
    );
    // The first slice has the row that waits at the gate.
    gate = await closeGate(on.source.database);
  });
  afterEach(() => gate.open());

  const progress = async (): Promise<{ copied: number; left: number }> => {
    const { rows } = await on.control.query(
      'select count(copied_at)::int as copied, count(*) filter (where copied_at is null)::int as "left" from etl.copied_slice',
    );
    return rows[0];
  };

  /** The load ends, with rows of all slices and parts. */
  const finish = async () => {
    await gate.open();
    assert.partialDeepStrictEqual(await on.replicate(), { etlTransactionId: '1', added: String(ROWS) });
    assert.deepEqual(await on.states(), ['applied']);
    await on.assertEqual();
  };

  it('I8 for a statement is cut, after the others were copied, and the load ends', async () => {
    const hurried = await on.anotherProcess({ STATEMENT_TIMEOUT_SECONDS: '3' });
    const log = hurried.captureLog();

    assert.partialDeepStrictEqual(await hurried.extract(), { outcome: 'copying', slicesDone: SLICES - 1 });

    assert.deepEqual(cuts(log.records()), [PARTS]);
    assert.deepEqual(await progress(), { copied: SLICES - 1, left: PARTS });
    await finish();
  });

  it('I8 for a call is cut, and the call is retried if it copied no other, and the load ends', async () => {
    const brief = await briefProcess();
    const log = brief.captureLog();

    await assert.rejects(brief.extract(), {
      kind: 'transient',
      message: 'no slice of view pmr_project was copied in time: they are smaller from now on',
    });

    assert.deepEqual(cuts(log.records()), [PARTS]);
    assert.deepEqual(await progress(), { copied: 0, left: SLICES - 1 + PARTS });
    assert.equal(await on.haltedReason(), null);
    await finish();
  });

  it('I8 for a call is cut alone: one that began late is copied whole by the next call', async () => {
    const process = await processWithLateSlice();
    const log = process.captureLog();

    assert.partialDeepStrictEqual(await process.extract(), { outcome: 'copying', slicesDone: 1 });

    assert.deepEqual(cuts(log.records()), [PARTS]);
    assert.deepEqual(await progress(), { copied: 1, left: 1 + PARTS });
    await finish();
  });

  /** A process with 90 seconds for a call, which has 89.9 of them behind it when it begins to copy. */
  async function briefProcess(): Promise<Installation> {
    const brief = await on.anotherProcess({ TIME_LIMIT_SECONDS: '100' });
    const { control } = brief.dependencies;
    const startMs = Date.now();
    let nowMs = startMs;
    const read: typeof control.slicedCopies.read = async (id) => {
      nowMs = startMs + 89_900;
      return await control.slicedCopies.read(id);
    };
    brief.dependencies = {
      ...brief.dependencies,
      clock: { nowMs: () => nowMs },
      control: { ...control, slicedCopies: { ...control.slicedCopies, read } },
    };
    return brief;
  }

  /** A process that copies two slices at once. Its time is up when the third is about to be recorded, while the first waits at the gate. */
  async function processWithLateSlice(): Promise<Installation> {
    const process = await on.anotherProcess({ MAX_SLICES: '2' });
    const { control } = process.dependencies;
    let nowMs = Date.now();
    const note: typeof control.slicedCopies.note = async (lease, id, place, copied) => {
      await gate.reached();
      // What `enforce` throws when no time is left.
      if (place === 2) throw new DeadlineExceeded('the copy');
      nowMs += MINUTE_MS;
      return await control.slicedCopies.note(lease, id, place, copied);
    };
    process.dependencies = {
      ...process.dependencies,
      clock: { nowMs: () => nowMs },
      control: { ...control, slicedCopies: { ...control.slicedCopies, note } },
    };
    return process;
  }
});

const MINUTE_MS = 60_000;

/** Into how many parts each slice was cut. */
const cuts = (records: Record<string, unknown>[]): unknown[] =>
  records.filter(({ message }) => message === 'slice too slow: cut').map(({ parts }) => parts);
