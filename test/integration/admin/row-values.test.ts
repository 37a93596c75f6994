import assert from 'node:assert/strict';
import { addressesIn, DOWNLOADS, FOR_OPERATORS } from '../../browser/addresses.ts';
import { fillInstallation } from '../../browser/fill-installation.ts';
import { AdminClient } from '../../support/admin.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** A key that is neither a number nor in quotes, as a message names it. */
const KEY = 'QX-plant.a';
const TEXT = `view pmr_project: key ${KEY}, column name: the value is too long`;

/** Where the control database may hold a key: by itself, or in a text of the functions. */
const PLACES = [
  `update etl.view_source set halted_reason = $1 where halted_at is not null`,
  `update etl.view_source set resync_advised_reason = $1 where resync_advised_at is not null`,
  `update etl.view_retry set message = $1, advice = $1`,
  `update etl.etl_error set message = $1, advice = $1, event = $1`,
  `update etl.etl_transaction set error = $1 where state = 'failed'`,
  `update etl.consistency_check set error = $1`,
  `update etl.audit set request = jsonb_build_object('keys', jsonb_build_array($1::text)),
     result = case when outcome is not null then jsonb_build_object('keys', $1::text) end,
     error = case when error is not null then $1 end, advice = case when error is not null then $1 end`,
];

describe('keys of rows', () => {
  const { on } = useInstallation({ per: 'file', views: [STREAMED_ENTRY] });
  let addresses: [route: string, path: string][];
  before(async () => {
    await fillInstallation(on);
    for (const statement of PLACES) await on.control.query(statement, [TEXT]);
    await on.control.query(`update etl.consistency_difference set key = $1 where key = '2'`, [KEY]);
    await on.control.query(`update etl.queued_key set key = $1 where key = '2'`, [KEY]);
    // A day of the report that has all failures.
    const today = new Date().toISOString().slice(0, 10);
    addresses = [
      ...Object.entries(await addressesIn(on)).flatMap(([route, each]) =>
        each.map(({ path }): [string, string] => [route, path]),
      ),
      ...DOWNLOADS.map((path): [string, string] => [path, path]),
      ['/report/:day', `/report/${today}`],
      ['/consistency/:id', `/consistency/1?after=1&class=unexplained`],
    ];
  });

  /** The routes on which a role sees the key. */
  const routesWithKey = async (role: 'operator' | 'viewer'): Promise<string[]> => {
    const client = new AdminClient(() => on.dependencies, role);
    const found = new Set<string>();
    for (const [route, path] of addresses) {
      if ((await client.get(path)).html.includes(KEY)) found.add(route);
    }
    return [...found].toSorted();
  };

  it('are shown to operators wherever something names them', async () => {
    assert.deepEqual(await routesWithKey('operator'), [
      '/',
      '/audit',
      '/audit/:id',
      '/consistency/:id',
      '/failures',
      '/failures/:id',
      '/report/:day',
      '/transactions',
      '/transactions.csv',
      '/transactions/:id',
      '/views/:name',
      '/views/:view/redrive',
      '/views/:view/resume',
      '/views/:view/run',
    ]);
  });

  it('are shown to viewers nowhere', async () => {
    assert.deepEqual(await routesWithKey('viewer'), []);
  });

  it('have counts and classes in their place, and the pages of rows are closed to viewers', async () => {
    const viewer = new AdminClient(() => on.dependencies, 'viewer');
    const { rows } = await on.control.query(
      'select id::text from etl.consistency_check where is_consistent = false',
    );
    const check = await viewer.get(`/consistency/${rows[0]?.id}`);
    assert.match(check.text, /Why rows differ .*bypassed the log 1 0/);
    assert.match(check.text, /Operators also see the rows, with their keys\./);
    assert.match((await viewer.get('/failures')).text, /bad_data in extract ■ halts a view 1 failure/);
    assert.match((await viewer.get('/')).text, /pmr_halted is halted: \(for operators/);
    for (const [route, path] of addresses.filter(([each]) => FOR_OPERATORS.includes(each))) {
      assert.equal((await viewer.get(path)).status, 403, `${route} ${path}`);
    }
    assert.equal((await viewer.get('/transactions?view=pmr_project&key=1')).status, 403);
  });
});
