import assert from 'node:assert/strict';
import { DataHubError } from '../../../shared/errors.ts';
import { fillControl } from '../../bench/fill-control.ts';
import { AdminClient, type AdminPage, linkOf } from '../../support/admin.ts';
import { rowsRead } from '../../support/rows-read.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { askWith } from './ask-with.ts';

const TRANSACTIONS = 100_000;
const VIEWS = 50;
const SCRIPT = '"><script>alert(1)</script>';
const SQL = `'; drop table etl.etl_transaction; --`;

const idsOn = ({ html }: AdminPage): string[] =>
  [...html.matchAll(/<tr id="t(\d+)">/g)].map(([, id = '']) => id);
const DAY_MS = 86_400_000;
const dayAgo = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);

describe('the list of 100,000 ETL transactions', () => {
  const { on } = useInstallation({ per: 'file' });
  const operator = new AdminClient(() => on.dependencies);

  before(() => fillControl(on.control, { transactions: TRANSACTIONS, views: VIEWS }));

  /** The ids that the database finds, the newest first. */
  const idsWhere = async (condition: string, limit = 50): Promise<string[]> => {
    const { rows } = await on.control.query(
      `select id::text as number from etl.etl_transaction where ${condition} order by started_at desc, id desc limit ${limit}`,
    );
    return rows.map(({ number }) => number);
  };

  it('begins with the newest', async () => {
    const page = await operator.get('/transactions');

    assert.equal(page.status, 200);
    assert.deepEqual(idsOn(page), await idsWhere('true'));
    assert.match(page.text, /More than 10,000 transactions, the newest first/);
    assert.match(page.html, /data-refresh-seconds="10"/);
  });

  for (const [query, condition] of [
    ['view=view_007', `view_name = 'view_007'`],
    ['state=applied', `state = 'applied'`],
    ['state=abandoned', `state = 'abandoned'`],
    ['state=in+flight', `state in ('extracting', 'staged', 'applying')`],
    ['state=failed', `state = 'failed'`],
    ['kind=initial', `kind = 'initial'`],
    ['kind=repair', `kind = 'repair'`],
    ['kind=incremental', `kind = 'incremental'`],
    ['consistent=yes', 'is_consistent'],
    ['consistent=no', 'not is_consistent'],
    ['consistent=unknown', 'is_consistent is null'],
    [`from=${dayAgo(30)}`, `started_at >= '${dayAgo(30)}Z'`],
    [`to=${dayAgo(30)}`, `started_at < '${dayAgo(29)}Z'`],
    [
      `from=${dayAgo(30)}&to=${dayAgo(30)}`,
      `started_at >= '${dayAgo(30)}Z' and started_at < '${dayAgo(29)}Z'`,
    ],
    [
      `from=${dayAgo(30)}T22:00:00.000Z&to=${dayAgo(29)}T22:00:00.000Z`,
      `started_at >= '${dayAgo(30)} 22:00Z' and started_at < '${dayAgo(29)} 22:00Z'`,
    ],
    [
      `view=view_007&state=abandoned&kind=incremental&from=${dayAgo(80)}&to=${dayAgo(10)}&consistent=unknown`,
      `view_name = 'view_007' and state = 'abandoned' and kind = 'incremental' and is_consistent is null
       and started_at >= '${dayAgo(80)}Z' and started_at < '${dayAgo(9)}Z'`,
    ],
  ] as const) {
    it(`is filtered by ${query}`, async () => {
      const expected = await idsWhere(condition);
      const page = await operator.get(`/transactions?${query}`);

      assert.ok(expected.length > 0);
      assert.deepEqual(idsOn(page), expected);
    });
  }

  it('shows days in UTC, and as times for the script that knows the zone of the reader', async () => {
    const day = await operator.get('/transactions?from=2026-03-01&to=2026-03-01');
    assert.match(day.text, /From: 2026-03-01 UTC .*To: 2026-03-01 UTC/);
    assert.deepEqual(dayInputsOn(day), [
      ['from', '2026-03-01', '2026-03-01T00:00:00.000Z'],
      ['to', '2026-03-01', '2026-03-02T00:00:00.000Z'],
    ]);
    const times = await operator.get(
      '/transactions?from=2026-02-28T23:00:00.000Z&to=2026-03-01T23:00:00.000Z',
    );
    assert.match(times.text, /From: 2026-02-28 23:00:00 UTC .*To: 2026-03-01 23:00:00 UTC/);
    assert.deepEqual(dayInputsOn(times), [
      ['from', '2026-02-28', '2026-02-28T23:00:00.000Z'],
      ['to', '2026-03-01', '2026-03-01T23:00:00.000Z'],
    ]);
  });

  for (const query of [
    'consistent=yes',
    'consistent=no',
    'view=view_007&consistent=no',
    'state=abandoned',
    'kind=repair',
  ]) {
    it(`finds what is filtered by ${query} without reading the others`, async () => {
      const read = await rowsRead(on.control, () => operator.get(`/transactions?${query}`));

      assert.ok(read < 15_000, `${read} rows were read`);
    });
  }

  it('shows the filters, keeps them in the address, and removes each alone', async () => {
    const page = await operator.get('/transactions?view=view_007&state=abandoned');

    assert.match(page.text, /View: view_007 × State: abandoned ×/);
    assert.match(page.html, /<option selected>view_007<\/option>/);
    assert.match(page.html, /href="\/transactions\?state=abandoned" aria-label="Remove the filter View"/);
    assert.match(page.html, /href="\/transactions\?view=view_007" aria-label="Remove the filter State"/);
    assert.equal(linkOf(page, 'Remove all'), '/transactions');
  });

  it('drops the fields that a form sends empty from the address', async () => {
    const page = await operator.get('/transactions?view=&state=failed&kind=&from=&to=&consistent=&key=');

    assert.equal(page.status, 303);
    assert.equal(page.headers.get('location'), '/transactions?state=failed');
  });

  it('has every transaction of a view on exactly one page, forwards and backwards', async () => {
    const all = await idsWhere(`view_name = 'view_007'`, TRANSACTIONS);
    const older: string[][] = [];
    let page = await operator.get('/transactions?view=view_007');
    for (;;) {
      older.push(idsOn(page));
      if (!page.html.includes('rel="next"')) break;
      page = await operator.get(linkOf(page, 'Older'));
      assert.doesNotMatch(page.html, /data-refresh-seconds="10"/);
    }
    assert.deepEqual(older.flat(), all);

    const newer: string[][] = [idsOn(page)];
    while (page.html.includes('rel="prev"')) {
      page = await operator.get(linkOf(page, 'Newer'));
      newer.unshift(idsOn(page));
    }
    assert.deepEqual(newer.slice(1), older.slice(1));
    assert.deepEqual(newer[0], older[0]);
  });

  it('does not repeat or skip a transaction when others begin meanwhile', async () => {
    const first = await operator.get('/transactions?view=view_003');
    const expected = (await idsWhere(`view_name = 'view_003'`, 150)).slice(50);
    const insert = `insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, ended_at)
      select 'view_003', 'incremental', 'test', 'abandoned', gen_random_uuid(), '{}', 'x', now() from generate_series(1, 30)`;

    await on.control.query(insert);
    const second = await operator.get(linkOf(first, 'Older'));
    await on.control.query(insert);
    const third = await operator.get(linkOf(second, 'Older'));
    const back = await operator.get(linkOf(third, 'Newer'));

    assert.deepEqual([...idsOn(second), ...idsOn(third)], expected);
    assert.deepEqual(idsOn(back), idsOn(second));
  });

  it('goes to the transaction with a number', async () => {
    for (const number of ['4711', '%234711', '+4711+']) {
      const page = await operator.get(`/transactions?number=${number}`);
      assert.equal(page.status, 303);
      assert.equal(page.headers.get('location'), '/transactions/4711');
    }
    assert.equal((await operator.get('/transactions/4711')).status, 200);
  });

  for (const [query, reason] of [
    ['number=abc', /number: is not the number of an ETL transaction/],
    ['number=1&view=x', /view/],
    ['state=gone', /state: /],
    ['from=2026-02-30', /from: is not a day such as 2026-01-31/],
    ['to=0001-01-01', /to: is not a day of these times/],
    ['consistent=maybe', /consistent: /],
    ['older=1', /older: is not a place in the list/],
    ['older=1-1&newer=1-1', /a page is older or newer, not both/],
    ['view=a%00b', /view: contains a NUL character/],
    [`view=${'x'.repeat(201)}`, /view: /],
    ['key=1', /key: choose the view whose key it is/],
    ['limit=1000000', /limit/],
  ] as const) {
    it(`refuses ${query.slice(0, 40)}, and says what is wrong`, async () => {
      const page = await operator.get(`/transactions?${query}`);

      assert.equal(page.status, 400);
      assert.match(page.text, reason);
    });
  }

  it('takes no parameter for markup or SQL', async () => {
    const names = [
      'view',
      'state',
      'kind',
      'from',
      'to',
      'consistent',
      'key',
      'older',
      'newer',
      'number',
      'x',
    ];
    const texts = [SCRIPT, SQL, '%', '\\', "' or true --"];
    for (const path of ['/transactions', '/transactions.csv']) {
      for await (const page of askWith(operator, path, { names, texts })) {
        const { address, status, html } = page;
        assert.ok([200, 400].includes(status), `${address}: ${status}`);
        assert.ok(!html.includes('<script>alert'), address);
        if (status === 200 && path === '/transactions') assert.deepEqual(idsOn(page), []);
      }
    }
    const page = await operator.get(`/transactions?${new URLSearchParams({ view: SCRIPT })}`);
    assert.ok(page.text.includes(`View: ${SCRIPT}`), 'the filter is shown as text');
    const { rows } = await on.control.query('select count(*)::int as n from etl.etl_transaction');
    assert.ok(rows[0].n >= TRANSACTIONS);
  });

  it('is shown to viewers, without the search by key', async () => {
    const viewer = new AdminClient(() => on.dependencies, 'viewer');
    const page = await viewer.get('/transactions?view=view_007');

    assert.equal(idsOn(page).length, 50);
    assert.doesNotMatch(page.html, /name="key"/);
    const refused = await viewer.get('/transactions?view=view_007&key=1');
    assert.equal(refused.status, 403);
    assert.match(refused.text, /only operators may search by key/);
    assert.match((await operator.get('/transactions')).html, /name="key"/);
  });

  it('is downloaded as a whole', async () => {
    const { headers, html: csv } = await operator.get('/transactions.csv');

    assert.equal(headers.get('content-type'), 'text/csv; charset=utf-8');
    assert.match(
      headers.get('content-disposition') ?? '',
      /^attachment; filename="transactions-\d{4}-\d\d-\d\d\.csv"$/,
    );
    const [header, ...lines] = csv.trimEnd().split('\r\n');
    assert.match(header ?? '', /^id,view,kind,trigger,state,attempt,started_at,/);
    const { rows } = await on.control.query('select count(*)::int as n from etl.etl_transaction');
    assert.equal(lines.length, rows[0].n);
    assert.deepEqual(
      lines.map((line) => line.split(',')[0]),
      await idsWhere('true', 1_000_000),
    );
  });

  it('is downloaded as it is filtered, from the first page on', async () => {
    const list = await operator.get('/transactions?view=view_007&state=abandoned');
    const { html: csv } = await operator.get(linkOf(list, 'Download as CSV'));

    const ids = csv
      .trimEnd()
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(',')[0]);
    assert.deepEqual(ids, await idsWhere(`view_name = 'view_007' and state = 'abandoned'`, TRANSACTIONS));
  });

  it('is sent while it is read', async () => {
    const response = await operator.fetch('/transactions.csv');
    const reader = response.body?.getReader();
    await reader?.read();
    const second = await reader?.read();
    await reader?.cancel();

    const lines = new TextDecoder().decode(second?.value).split('\r\n').length;
    assert.ok(lines > 1000 && lines < TRANSACTIONS / 4, `${lines} lines at once`);
    // The connection is free again.
    assert.equal((await operator.get('/transactions')).status, 200);
  });
});

describe('the list of no ETL transactions', () => {
  const { on } = useInstallation();
  const operator = new AdminClient(() => on.dependencies);

  it('says when there will be some, or that the filters match none', async () => {
    assert.match((await operator.get('/transactions')).text, /There are no ETL transactions yet/);
    assert.match(
      (await operator.get('/transactions?state=failed')).text,
      /No transaction matches these filters/,
    );
  });

  it('keeps a spreadsheet from running what an error says', async () => {
    await on.control.query(
      `insert into etl.etl_transaction (view_name, kind, trigger, state, lease_token, next_checkpoint, staged_prefix, ended_at, error)
       values ('pmr_project', 'incremental', '@SUM(1)', 'abandoned', gen_random_uuid(), '{}', 'x', now(), '=HYPERLINK("http://x","a")')`,
    );

    const { html: csv } = await operator.get('/transactions.csv');

    assert.ok(csv.includes(`,'@SUM(1),`), csv);
    assert.ok(csv.includes(`,"'=HYPERLINK(""http://x"",""a"")"\r\n`), csv);
  });

  it('breaks a download off that fails on its way, and logs that', async () => {
    const { control } = on.dependencies;
    const log = on.captureLog();
    const chunks: typeof control.transactionList.chunks = async function* () {
      yield [];
      throw new DataHubError('transient', 'the control database is gone');
    };
    const failing = { ...control, transactionList: { ...control.transactionList, chunks } };
    const client = new AdminClient(() => ({ ...on.dependencies, control: failing }));

    const response = await client.fetch('/transactions.csv');

    assert.equal(response.status, 200);
    await assert.rejects(response.text());
    assert.partialDeepStrictEqual(log.records(), [
      { message: 'admin page failed', path: '/transactions.csv', error: 'the control database is gone' },
    ]);
  });

  it('is a page that says so when the control database cannot be reached', async () => {
    const { control } = on.dependencies;
    const page = async () => {
      throw new DataHubError('transient', 'the control database does not answer');
    };
    const failing = { ...control, transactionList: { ...control.transactionList, page } };
    const client = new AdminClient(() => ({ ...on.dependencies, control: failing }));

    const { status, text } = await client.get('/transactions');

    assert.equal(status, 503);
    assert.match(text, /the control database does not answer/);
  });
});

/** Name, value and time of the inputs for days. */
const dayInputsOn = ({ html }: AdminPage): string[][] =>
  [...html.matchAll(/<input type="date" name="(\w+)" value="([^"]*)" data-time="([^"]*)"/g)].map((found) =>
    found.slice(1),
  );
