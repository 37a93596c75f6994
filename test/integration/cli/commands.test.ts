import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HistoryEntry } from '../../../shared/operations/history.ts';
import type { ListedFailures } from '../../../shared/operations/list-failures.ts';
import type { RowAnswer } from '../../../shared/operations/row/read-row.ts';
import { OPERATOR } from './run-datahub.ts';
import { useDatahub } from './use-datahub.ts';

const PROJECT = 'pmr_project';
const ESCAPE = '\u001b';
const HOSTILE = `'"${ESCAPE}[2J งาน ; drop table x`;

describe('the command line of the operators', () => {
  const { on, run, json } = useDatahub();

  before(async () => {
    await on.source.add('app_project', { id: 1, name: 'หนึ่ง' }, { id: 2, name: 'two' });
    await on.replicate();
    await on.source.change('app_project', 1, { share: 1.5 });
    await on.source.delete('app_project', 2);
    await on.replicate();
    await on.mailboxes.extract.take();
  });

  const audited = async (): Promise<Record<string, unknown> | undefined> =>
    (
      await on.control.query(
        'select action, reason as why, claimed_by as "claimedBy", views from etl.audit order by id desc limit 1',
      )
    ).rows[0];
  const fail = async (kind: string, message: string): Promise<string> =>
    (
      await on.control.query(
        `insert into etl.etl_error (function_name, view_name, kind, message, advice, event)
         values ('extract', $1, $2, $3, 'Correct the row.', '{"view":"pmr_project"}') returning id::text`,
        [PROJECT, kind, message],
      )
    ).rows[0].id;

  describe('shows', () => {
    it('the state of every view in words, with what changed last, and exits with 0', async () => {
      const { code, stdout, stderr } = await run('status');

      assert.equal(code, 0, stderr);
      assert.match(stdout, /^VIEW +STATE +BEHIND +BATCH +CHANGES +ROWS +CHECK\n/);
      assert.match(stdout, /^pmr_project +● ok +\d.* 2, .* ago +~1 -1 +1 +–$/m);
      assert.match(stdout, /^pmr_site +◐ loading/m);
      assert.ok(!stdout.includes(ESCAPE), 'no colours without a terminal');
    });

    it('a view that needs attention, with the command that helps, and exits with 3', async () => {
      await on.control.query(
        `update etl.view_source set halted_at = now(), halted_reason = $2 where name = $1`,
        ['pmr_site', HOSTILE],
      );
      const { code, stdout } = await run('status', 'pmr_site');
      const { code: jsonCode, answer } = await json('status');

      assert.deepEqual([code, jsonCode], [3, 3]);
      assert.match(stdout, /■ halted/);
      assert.ok(stdout.includes(`pmr_site is halted: '"\\u001b[2J งาน ; drop table x`), stdout);
      assert.match(stdout, /datahub redrive pmr_site/);
      assert.equal(answer.outcome, 'status');
      assert.partialDeepStrictEqual(answer.attention, [{ view: 'pmr_site', tone: 'bad', action: 'redrive' }]);
    });

    it('the latest batches, page by page', async () => {
      const first = await json('history', PROJECT, '--limit', '1');
      const older = await json('history', PROJECT, '--before', String(first.answer.older));
      const entriesOf = ({ answer }: typeof first) =>
        (answer.batches as HistoryEntry[]).map(({ etlTransactionId, state, added, changed, deleted }) => [
          ...[etlTransactionId, state],
          ...[added, changed, deleted],
        ]);

      assert.deepEqual(entriesOf(first), [['2', 'applied', '0', '1', '1']]);
      assert.deepEqual(entriesOf(older), [['1', 'applied', '2', '0', '0']]);
      assert.equal(older.answer.older, null);
      assert.match((await run('history')).stdout, /^ +2 +pmr_project +incremental +● applied .* ~1 -1 /m);
    });

    it('failures by their reason, with ids to resolve, and resolves them', async () => {
      const ids = [await fail('bad_data', 'key 1 has no name'), await fail('bad_data', 'key 2 has no name')];
      const shown = await run('failures');
      const { answer } = await json('failures', PROJECT, '--kind', 'bad_data');

      assert.match(shown.stdout, /▲ bad_data 2 times in extract: pmr_project; last /);
      assert.match(shown.stdout, new RegExp(`ids: ${ids.join(' ')}`));
      assert.deepEqual(
        (answer.groups as ListedFailures[]).map((group) => [group.failures, group.ids]),
        [[2, ids]],
      );

      const [id = '', other = ''] = ids;
      assert.match((await run('resolve', id)).stdout, new RegExp(`^● resolved: failures ${id}\n`));
      assert.deepEqual((await json('resolve', PROJECT, '--kind', 'bad_data')).answer.failures, [other]);
      assert.match((await run('failures')).stdout, /no open failures/);
      assert.match((await run('failures', '--resolved')).stdout, /2 times/);
    });

    it('a row on both sides with its log rows and batches, and exits with 3 if they differ', async () => {
      const equal = await run('row', PROJECT, '1');
      assert.equal(equal.code, 0, equal.stderr);
      assert.match(equal.stdout, /^pmr_project 1 ● equal Both sides have the same values\.\n/);
      assert.match(equal.stdout, /^name +STRING +● same +"หนึ่ง" +"หนึ่ง"$/m);
      assert.match(equal.stdout, /^ +\d+ +\S+ +changed +main table +share +batch 2$/m);
      assert.match(equal.stdout, /^Batch 2 \(incremental\) last wrote the row of the target/m);

      await on.source.database.query(`update app_project set name = 'raw' where id = 1`);
      const { code, answer } = await json('row', PROJECT, '1');
      const { verdict, columns } = answer as unknown as RowAnswer;
      assert.deepEqual([code, verdict.word], [3, 'differs']);
      assert.deepEqual(
        columns.filter(({ isDifferent }) => isDifferent),
        [{ name: 'name', type: 'STRING', isDifferent: true, source: '"raw"', target: '"หนึ่ง"' }],
      );
      assert.match((await run('row', PROJECT, HOSTILE)).stderr, /is no key of view pmr_project/);
    });

    it('problems of the installation, and exits with 3', async () => {
      const { code, stdout } = await run('check', PROJECT);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /\nready\n$/);

      await on.source.database.query('revoke select on app_site from reader');
      const broken = await run('check', 'pmr_site');
      assert.equal(broken.code, 3);
      assert.match(broken.stdout, /■ problem .*app_site/);
      assert.match(broken.stdout, /\n1 problem found\n$/);
      await on.source.database.query('grant select on app_site to reader');
    });

    it('which rows of the change log may be deleted', async () => {
      const { code, stdout } = await run('log');
      assert.equal(code, 0, stdout);
      assert.match(
        stdout,
        /^No row of models_logging_change may be deleted yet\.\nThe oldest row that is needed: for /,
      );
    });

    it('rows of the source and of BigQuery, as they are, and never changes one', async () => {
      const source = await run(
        'query',
        '--source',
        `select 'a"b' as "คำ""x", e'\\x1b[2J' as esc, null as none`,
      );
      assert.match(source.stdout, /^คำ"x {2}esc {8}none\na"b {3}\\u001b\[2J {2}NULL\n1 row\n$/);
      const many = await run(
        'query',
        '--source',
        'select generate_series(1, 1000000000)',
        '-n',
        '2',
        '--json',
      );
      assert.partialDeepStrictEqual(JSON.parse(many.stdout), {
        columns: [{ name: 'generate_series', type: 'integer' }],
        rows: [{ generate_series: '1' }, { generate_series: '2' }],
        hasMore: true,
      });
      const target = await run(
        'query',
        `select project_id, name from ${on.targetTable()} order by 1`,
        '--json',
      );
      assert.deepEqual(JSON.parse(target.stdout).rows, [
        { project_id: '1', name: 'หนึ่ง' },
        { project_id: '2', name: 'two' },
      ]);

      for (const [args, message] of [
        [['--source', 'selec 1'], /^PostgreSQL: syntax error at or near "selec"\nat: selec 1\n$/],
        [['--source', 'delete from app_project'], /^PostgreSQL: (permission denied|cannot execute DELETE)/],
        [
          ['--source', 'create temp table t (id int)'],
          /^PostgreSQL: cannot execute CREATE TABLE in a read-only/,
        ],
        [['--source', 'commit; select 1'], /^PostgreSQL: cannot insert multiple commands/],
        [['select * from nosuch'], /^BigQuery: Not found: /],
        [
          [`select * from ${on.targetTable()}`, '--max-bytes', '1'],
          /^The query would read \d+ B\.\nName fewer columns/,
        ],
        [['select 1', '--max-bytes', 'much'], /^--max-bytes must be a size such as 10GB/],
      ] as const) {
        const { code, stdout, stderr } = await run('query', ...args);
        assert.deepEqual([code, stdout], [message.source.startsWith('^--') ? 2 : 1, ''], stderr);
        assert.match(stderr, message);
      }
    });
  });

  describe('acts', () => {
    afterEach(() => on.mailboxes.extract.take());

    it('pauses and resumes a view, with the reason in the audit', async () => {
      const paused = await run('pause', PROJECT, '--why', HOSTILE, '--until', '2h');
      assert.match(paused.stdout, /^● paused: pmr_project, until 2/, paused.stderr);
      assert.partialDeepStrictEqual(await audited(), {
        action: 'pause',
        why: HOSTILE,
        claimedBy: OPERATOR,
        views: [PROJECT],
      });
      const skipped = await run('run', PROJECT);
      assert.equal(skipped.code, 1);
      assert.match(skipped.stdout, /^▲ skipped: pmr_project, reason paused/);

      assert.equal((await run('resume', PROJECT)).code, 0);
      assert.equal((await json('run', PROJECT)).answer.outcome, 'batch requested');
      assert.deepEqual(await on.mailboxes.extract.take(), [{ view: PROJECT, trigger: 'operator' }]);
      assert.match((await run('run', '--dry-run')).stdout, /^pmr_project find nothing to do/m);
    });

    it('redrives a view, and fetches and compares rows again', async () => {
      assert.equal((await json('redrive', 'pmr_site')).answer.outcome, 'redriven');
      assert.match(
        (await run('recheck', PROJECT, '--since', '1h')).stdout,
        /^● keys queued: pmr_project, keys queued 2/,
      );
      assert.match(
        (await run('reconcile', PROJECT, '--dry-run')).stdout,
        /^● dry run: pmr_project, source rows \d/,
      );
      assert.equal((await json('reconcile', PROJECT, '--repair')).answer.outcome, 'check requested');
      assert.deepEqual(await on.mailboxes.reconcile.take(), [{ view: PROJECT, repair: true, by: OPERATOR }]);
    });

    it('waits for no other check than its own, and for none that cannot begin', async () => {
      await on.control.query(
        `insert into etl.consistency_check (view_name, mode, trigger, repairs) values ($1, 'full', 'schedule', false)`,
        [PROJECT],
      );
      const running = await run('reconcile', PROJECT, '--repair', '--wait');
      assert.equal(running.code, 1);
      assert.match(running.stderr, /^Check \d+ of pmr_project is running, so that no other one begins\./);
      await on.control.query('delete from etl.consistency_check where ended_at is null');
      await json('resync', PROJECT, '--yes');
      const resynced = await run('reconcile', PROJECT, '--wait');
      assert.equal(resynced.code, 1);
      assert.match(resynced.stdout + resynced.stderr, /resync/);
      await json('resync', PROJECT, '--withdraw');
      await on.mailboxes.extract.take();
      await on.mailboxes.reconcile.take();
    });

    it('asks before it resyncs or forgets, or needs --yes where nobody can be asked', async () => {
      const refused = await run('resync', PROJECT);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /carries every row of the view.* needs --yes here/);
      assert.deepEqual(await on.mailboxes.extract.take(), []);
      assert.equal((await json('resync', PROJECT, '--yes')).answer.outcome, 'resync requested');
      assert.equal((await json('resync', PROJECT, '--withdraw')).answer.outcome, 'resync withdrawn');

      assert.match(
        (await run('views', 'forget', 'xyz_incident', '--dry-run')).stdout,
        /^This removes view source/,
      );
      assert.equal((await run('views', 'forget', 'xyz_incident')).code, 2);
      const type = ['views', 'load-type', 'xyz_incident', 'merge', '--target', 'incident_2'];
      assert.equal((await run(...type)).code, 2);
    });

    it('exports view sources to a file that it imports', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'smart-datahub-views-'));
      const file = join(folder, `my "views" งาน.json`);
      try {
        await run('views', 'export', '--out', file);
        const exported = JSON.parse(await readFile(file, 'utf8'));
        assert.equal(exported.import.length, 3);
        const dry = await json('views', 'import', file, '--dry-run');
        assert.equal(dry.answer.outcome, 'ready');
        assert.equal((await json('views', 'import', file, '--why', 'again')).answer.outcome, 'imported');
        assert.partialDeepStrictEqual(await audited(), { action: 'import', why: 'again' });

        await writeFile(file, '{"import": [{"name": "x"}]}');
        const refused = await run('views', 'import', file);
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, /target_name/);
        await writeFile(
          file,
          '{"import": [{"name": "x", "todo": ["key_column: a or b?", "model: which?"]}]}',
        );
        const undecided = await run('views', 'import', file);
        assert.equal(undecided.code, 1);
        assert.match(undecided.stderr, /imported:\n {2}x: key_column: a or b\?\n {2}x: model: which\?\n$/);
        await writeFile(file, '[');
        assert.match((await run('views', 'import', file)).stderr, /is not JSON/);
      } finally {
        await rm(folder, { recursive: true });
      }
    });
  });

  describe('says what is wrong', () => {
    it('and suggests a view with a similar name', async () => {
      const { code, stderr } = await run('pause', 'pmr_projekt');
      assert.equal(code, 1);
      assert.match(
        stderr,
        /^There is no view "pmr_projekt"\.\nDid you mean pmr_project\? The views are pmr_project, /,
      );
      const hostile = await run('history', HOSTILE);
      assert.equal(hostile.code, 1);
      assert.ok(!hostile.stderr.includes(ESCAPE) && !hostile.stderr.includes('Did you mean'));
    });

    it('and prints the answer of a function that refused as JSON for a script', async () => {
      const { code, answer } = await json('resolve', '999');
      assert.equal(code, 1);
      assert.partialDeepStrictEqual(answer, {
        error: { kind: 'invalid_event', message: 'no failure has the id 999' },
      });
    });
  });
});
