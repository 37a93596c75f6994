import assert from 'node:assert/strict';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { compare } from '../../local/compare/compare.ts';
import { FUNCTIONS } from '../../local/functions.ts';
import { PROJECT_ENTRY, pairOfEntry, SITE_ENTRY, STREAMED_ENTRY } from '../../support/installation.ts';
import { RunningFunctions } from '../../support/running-functions.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** ROWS=1000000 runs the long form. */
const ROWS = Number(process.env.ROWS ?? 5_000);
const CHANGED_ROWS = ROWS / 10;
const BAD_KEY = Math.round(ROWS * 0.73);
const TIMEOUT_MS = 300_000 + ROWS;

const PROJECT = PROJECT_ENTRY.name;
const INCIDENT = STREAMED_ENTRY.name;

type LogLine = Record<string, unknown>;

describe(`one bad row among ${ROWS}`, function () {
  this.timeout(TIMEOUT_MS);
  const { on, stack } = useInstallation({ per: 'file' });
  let functions: RunningFunctions;
  const logged: LogLine[] = [];

  before(async () => {
    const settings = { ...on.parts.env, LOG_LEVEL: 'info' };
    functions = await RunningFunctions.start(['extract', 'merge', 'stream'], settings, (line) => {
      if (line.startsWith('{')) logged.push(JSON.parse(line) as LogLine);
    });
    stack.onStop(() => functions.stop());
  });

  /** Calls extract with a tick, and delivers all published messages until none is left. */
  async function tick(): Promise<void> {
    await functions.call('extract', {});
    for (;;) {
      const taken = await Promise.all(
        FUNCTIONS.map(async ({ name }) => ({ name, data: await on.mailboxes[name].takeRaw() })),
      );
      const deliveries = taken.flatMap(({ name, data }) => data.map((each) => ({ name, data: each })));
      if (deliveries.length === 0) return;
      await Promise.all(
        deliveries.map(({ name, data }, i) =>
          functions.call(name, { message: { data, messageId: `${logged.length}-${i}` } }),
        ),
      );
    }
  }

  const sql = (text: string) => on.source.database.query(text);
  const logChanges = (contentType: number, upTo: number, action = 'changed') =>
    sql(
      `insert into models_logging_change (object_id, content_type_id, action)
       select i, ${contentType}, '${action}' from generate_series(1, ${upTo}) i`,
    );

  async function assertEqual(entry: ViewSourceEntry): Promise<void> {
    const { consistent, examples, sourceRows } = await compare(pairOfEntry(entry), on.parts);
    assert.ok(consistent, JSON.stringify(examples));
    assert.ok(sourceRows > 0);
  }

  /** Asserts that view source, error, dead letter and log all say where and why the view was halted. */
  async function assertHalted(view: string, message: RegExp): Promise<void> {
    assert.match(String(await on.haltedReason(view)), message);
    const [error] = (await on.errors()).filter(
      (each) => each.view_name === view && each.resolved_at === null,
    );
    assert.ok(error !== undefined);
    assert.match(String(error.message), message);
    assert.match(String(error.advice), /Correct the row, or give the column a policy/);
    assert.equal((await on.states(view)).at(-1), 'failed');
    const deadLetters = (await on.mailboxes.deadLetter.take()) as LogLine[];
    const ofView = deadLetters.filter((each) => each.view === view);
    assert.equal(ofView.length, 1);
    assert.partialDeepStrictEqual(ofView, [{ kind: 'bad_data', functionName: 'extract' }]);
    assert.match(String(ofView[0]?.message), message);
    assert.ok(
      logged.some(
        (line) => line.message === 'view halted' && line.view === view && line.severity === 'ERROR',
      ),
    );
  }

  const redrive = async (view: string) => {
    assert.deepEqual(await functions.call('extract', { view, resume: true }), { outcome: 'resumed', view });
    await tick();
    assert.equal(await on.haltedReason(view), null);
  };

  const cases = [
    {
      view: PROJECT,
      target: 'project',
      contentType: 7,
      fill: `insert into app_project (id, name, share) select i, 'project ' || i, i / 8.0 from generate_series(1, ${ROWS}) i`,
      breakRow: `update app_project set share = 'NaN' where id = ${BAD_KEY}`,
      correct: `update app_project set share = 1.5 where id = ${BAD_KEY}`,
      change: `update app_project set name = 'changed ' || id where id <= ${CHANGED_ROWS}`,
      breakChanged: `update app_project set share = 'NaN' where id = 7`,
      message: (key: number) =>
        new RegExp(`^view pmr_project: key ${key}, column share: the value is not a finite number$`),
      entry: PROJECT_ENTRY,
      column: 'share',
    },
    {
      view: INCIDENT,
      target: 'incident',
      contentType: 18,
      fill: `insert into app_incident (id, type) select i, 'type ' || i % 10 from generate_series(1, ${ROWS}) i`,
      breakRow: `update app_incident set closed = '10000-01-01' where id = ${BAD_KEY}`,
      correct: `update app_incident set closed = now() where id = ${BAD_KEY}`,
      change: `update app_incident set type = 'changed' where id <= ${CHANGED_ROWS}`,
      breakChanged: `update app_incident set closed = '10000-01-01' where id = 7`,
      message: (key: number) =>
        new RegExp(
          `^view xyz_incident: key ${key}, column close_datetime: the value is not a valid date and time$`,
        ),
      entry: STREAMED_ENTRY,
      column: 'close_datetime',
    },
  ];
  const nextSite = { id: 1 };

  for (const {
    view,
    target,
    contentType,
    fill,
    breakRow,
    correct,
    change,
    breakChanged,
    message,
    entry,
    column,
  } of cases) {
    describe(`in ${view}`, () => {
      it('I8 I9 stops the initial load with an error that names key, column and reason, while other views are replicated in the same ticks', async () => {
        await sql(fill);
        await sql(breakRow);
        await importConfiguration({ entries: [entry] }, on.dependencies);
        await on.source.add('app_site', { id: nextSite.id++, name: 'one' });

        await tick();

        await assertHalted(view, message(BAD_KEY));
        await assertEqual(SITE_ENTRY);
        await on.source.add('app_site', { id: nextSite.id++, name: 'two' });
        await tick();
        await assertEqual(SITE_ENTRY);
        assert.deepEqual(await on.states(view), ['failed']);
      });

      it('I2 arrives exactly once, with all other rows, after it is corrected and the view is redriven', async () => {
        await sql(correct);

        await redrive(view);

        assert.deepEqual(await on.states(view), ['abandoned', 'applied']);
        await assertEqual(entry);
      });

      it('I8 I9 stops an incremental batch with an error that names key, column and reason, while other views are replicated in the same ticks', async () => {
        await sql(change);
        await sql(breakChanged);
        await logChanges(contentType, CHANGED_ROWS);
        await on.source.add('app_site', { id: nextSite.id++, name: 'three' });

        await tick();

        await assertHalted(view, message(7));
        await assertEqual(SITE_ENTRY);
      });

      it('I2 I9 arrives exactly once, with all other rows, after its column gets a policy and the view is redriven; the batch counts it', async () => {
        await importConfiguration(
          { entries: [{ ...entry, unrepresentable: { [column]: 'null' } }] },
          on.dependencies,
        );

        await redrive(view);

        assert.equal((await on.states(view)).at(-1), 'applied');
        const [batch] = (await on.batches(view)).slice(-1);
        assert.deepEqual(batch?.policy_values, { [column]: 1 });
        // A changed policy concerns rows that the log does not name, so that the batch carries the whole view.
        assert.equal(batch?.kind, 'resync');
        const rows = await on.query(
          `select ${target}_id from ${on.targetTable(target as 'project')} where ${target}_id <= ${CHANGED_ROWS} and ${column} is null
           and ${target}_id = 7`,
        );
        assert.equal(rows.length, 1);
        // Corrects the only value that differs, and compares all rows.
        await sql(correct.replace(String(BAD_KEY), '7'));
        await logChanges(contentType, 7);
        await tick();
        await assertEqual(entry);
      });
    });
  }
});
