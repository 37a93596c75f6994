import assert from 'node:assert/strict';
import { DataHubError } from '../../shared/errors.ts';
import { useInstallation } from '../support/use-installation.ts';
import { closeGate, GATED_CAPTURE, GATED_COPY, type Gate, SLOW_KEY_SEARCH } from './gate.ts';

const HOUR_MS = 3_600_000;

describe('an extract that exceeds a time limit', () => {
  const { on } = useInstallation();
  let gate: Gate;

  beforeEach(() =>
    on.source.database.query(
      `insert into app_project (id, name) select i, i from generate_series(1, 2000) i`,
    ),
  );
  afterEach(() => gate.open());

  /** Makes the COPY of project 1000, or the statements before it, wait from now on. */
  const closeGateFor = async (gated = GATED_COPY) => {
    await on.source.database.query(gated);
    // The view with the gate shall not be loaded again, as a replaced view would.
    await on.control.query('update etl.checkpoint set definition = null');
    gate = await closeGate(on.source.database);
  };

  /** A process whose clock jumps ahead at the start of the capture, or of the copy. By default it jumps beyond the time limit. */
  const slowProcess = async (moment: 'capture' | 'copy', hours = 2) => {
    const slow = await on.anotherProcess({ TIME_LIMIT_SECONDS: '5000' });
    const { control } = slow.dependencies;
    let aheadMs = 0;
    const jumpAt =
      <Args extends unknown[], T>(reached: typeof moment, call: (...args: Args) => Promise<T>) =>
      async (...args: Args): Promise<T> => {
        const result = await call(...args);
        if (reached === moment) aheadMs = hours * HOUR_MS;
        return result;
      };
    slow.dependencies = {
      ...slow.dependencies,
      clock: { nowMs: () => Date.now() + aheadMs },
      control: {
        ...control,
        checkpoints: { ...control.checkpoints, read: jumpAt('capture', control.checkpoints.read) },
        batches: { ...control.batches, begin: jumpAt('copy', control.batches.begin) },
      },
    };
    return slow;
  };
  const hurriedProcess = (settings: Record<string, string> = {}) =>
    on.anotherProcess({ STATEMENT_TIMEOUT_SECONDS: '2', ...settings });

  const limits = {
    'the function': { start: () => slowProcess('copy'), named: /TIME_LIMIT_SECONDS \(5000\)/ },
    'a statement': { start: hurriedProcess, named: /STATEMENT_TIMEOUT_SECONDS \(2\)/ },
  };
  for (const [limited, { start, named }] of Object.entries(limits)) {
    it(`I8 while it copies a complete view, by the limit of ${limited}, halts the view with advice instead of retrying forever`, async () => {
      await closeGateFor();

      await assert.rejects((await start()).extract(), {
        kind: 'configuration',
        message: named,
        advice: /missing index/,
      });

      assert.match(String(await on.haltedReason()), named);
      assert.deepEqual(await on.states(), ['failed']);
      await gate.open();
      await on.dependencies.control.viewStops.resume('pmr_project');
      assert.partialDeepStrictEqual(await on.replicate(), { added: '2000' });
      await on.assertEqual();
    });

    it(`I2 I8 while it copies changes, by the limit of ${limited}, abandons the batch at once, and the next tick captures fewer of them`, async () => {
      await on.replicate();
      await changeProjects(7);
      await closeGateFor();

      await assert.rejects((await start()).extract(), { kind: 'transient', message: named });

      assert.deepEqual([await on.states(), await on.haltedReason()], [['applied', 'abandoned'], null]);
      assert.match(String((await on.batches())[1]?.error), named);
      assert.deepEqual(await batchLimits(), [2]);
      await gate.open();
      for (const changed of ['2', '4', '1']) {
        assert.partialDeepStrictEqual(await on.replicate(), { changed });
      }
      await on.assertEqual();
    });

    it(`I8 while it copies a single changed row, by the limit of ${limited}, halts the view at the second attempt`, async () => {
      await on.replicate();
      await changeProjects(1);
      await closeGateFor();

      await assert.rejects((await start()).extract(), { kind: 'transient', message: named });
      await assert.rejects((await start()).extract(), { kind: 'configuration', message: named });

      assert.match(String(await on.haltedReason()), named);
    });
  }

  const captureNamed = /the capture of its changes did not finish within TIME_LIMIT_SECONDS/;

  it('I8 while it captures a complete view halts the view with advice', async () => {
    await closeGateFor(GATED_CAPTURE);

    await assert.rejects((await slowProcess('capture')).extract(), (error: unknown) => {
      assert.ok(error instanceof DataHubError && error.cause instanceof Error);
      assert.equal(error.kind, 'configuration');
      assert.match(error.message, captureNamed);
      assert.match(error.advice, /missing index/);
      assert.match(error.cause.message, /did not end within the time limit/);
      return true;
    });

    assert.match(String(await on.haltedReason()), /TIME_LIMIT_SECONDS \(5000\)/);
    assert.deepEqual(await on.states(), []);
  });

  it('I8 while it looks for keys that are there twice ends in time, and halts the view', async () => {
    // Too far apart, and not in the order, in which the copy itself could prove that no key repeats.
    await on.source.database.query(
      `insert into app_project (id, name) select i::bigint * 70000, i from generate_series(1, 2100) i`,
    );
    await closeGateFor(SLOW_KEY_SEARCH);
    const brief = await on.anotherProcess({ TIME_LIMIT_SECONDS: '15' });

    await assert.rejects(brief.extract(), {
      kind: 'configuration',
      message:
        /was not copied within TIME_LIMIT_SECONDS \(15\)|did not finish within TIME_LIMIT_SECONDS \(15\)/,
    });

    assert.deepEqual(await on.states(), ['failed']);
  });

  it('I8 while it copies a large view as a whole goes on in slices, and halts the view at one with few rows', async () => {
    await on.source.database.query(
      `insert into app_project (id, name) select i, i from generate_series(2001, 30000) i`,
    );
    await closeGateFor();

    // The fewest connections that a configuration may have.
    const connections = { SOURCE_CONNECTIONS: '2', MAX_SLICES: '1' };
    await assert.rejects((await hurriedProcess(connections)).extract(), {
      kind: 'transient',
      message: /did not finish in time: it goes on in 10 slices/,
    });
    assert.deepEqual([await on.states(), await on.haltedReason()], [['extracting'], null]);
    await assert.rejects((await hurriedProcess(connections)).extract(), {
      kind: 'configuration',
      message: /^a slice of view pmr_project was not copied within .*STATEMENT_TIMEOUT_SECONDS \(2\)/,
      advice: /for so few keys/,
    });
    assert.deepEqual(await on.states(), ['extracting']);
    await gate.open();
    await on.dependencies.control.viewStops.resume('pmr_project');

    assert.partialDeepStrictEqual(await on.replicate(), { etlTransactionId: '1', added: '30000' });
    await on.assertEqual();
  });

  it('I2 I8 while it captures changes captures fewer of them next, and halts the view when a single row is too slow', async () => {
    await on.replicate();
    await changeProjects(3);
    await closeGateFor(GATED_CAPTURE);
    const hurried = await on.anotherProcess({ STATEMENT_TIMEOUT_SECONDS: '2', MAX_BATCH_LOG_ROWS: '80' });

    await assert.rejects(hurried.extract(), { kind: 'transient', message: captureNamed });
    assert.deepEqual([await batchLimits(), await on.haltedReason()], [[1], null]);
    await assert.rejects(hurried.extract(), { kind: 'configuration', message: captureNamed });

    assert.match(String(await on.haltedReason()), captureNamed);
    await gate.open();
    await on.dependencies.control.viewStops.resume('pmr_project');
    for (const changed of ['1', '2']) assert.partialDeepStrictEqual(await on.replicate(), { changed });
    await on.assertEqual();
  });

  it('is followed by growing batches, up to the configured size, when these are quick', async () => {
    await on.replicate();
    const hurried = await on.anotherProcess({ STATEMENT_TIMEOUT_SECONDS: '2', MAX_BATCH_LOG_ROWS: '8' });
    await changeProjects(8);
    await closeGateFor();
    await assert.rejects(hurried.extract(), { kind: 'transient' });
    await gate.open();
    const quick = await on.anotherProcess({ MAX_BATCH_LOG_ROWS: '8' });

    const limitsAfterwards: unknown[] = [];
    for (const changed of ['2', '4', '2']) {
      assert.partialDeepStrictEqual(await quick.replicate(), { changed });
      limitsAfterwards.push(...(await batchLimits()));
    }

    assert.deepEqual(limitsAfterwards, [4, null, null]);
  });

  it('is followed by batches of the same size while these are slow', async () => {
    await on.replicate();
    await changeProjects(8);
    await on.control.query('update etl.checkpoint set max_log_rows = 2');

    await (await slowProcess('capture', 0.3)).extract();

    assert.deepEqual(await batchLimits(), [2]);
  });

  const changeProjects = async (count: number) => {
    for (let id = 1000; id < 1000 + count; id += 1) {
      await on.source.change('app_project', id, { name: `changed ${id}` });
    }
  };
  const batchLimits = async () =>
    (await on.control.query('select max_log_rows from etl.checkpoint')).rows.map((row) => row.max_log_rows);
});
