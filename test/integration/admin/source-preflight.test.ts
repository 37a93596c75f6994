import assert from 'node:assert/strict';
import protobuf from 'protobufjs';
import { failBefore } from '../../emulators/faults.ts';
import { AdminClient, type AdminPage, formOf, shownIn, unescaped } from '../../support/admin.ts';
import { STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

const NEW = '/sources/new';
const SITE = '/views/pmr_site/source';
const STATEMENT = 'Statement that creates the target';
const MESSAGE = 'Message of a row for the Storage Write API (.proto)';
const CHANGE = 'Statements that change the target';

describe('the preflight of an unsaved view source on the admin page', () => {
  const { on, stack } = useInstallation();

  const check = async (
    address: string,
    fields: Record<string, string> = {},
    operator = new AdminClient(() => on.dependencies),
  ): Promise<AdminPage> => {
    const page = await operator.get(address);
    const path = address.replace(/\?.*/, '');
    const checked = await operator.post(path, {
      ...formOf(page, path),
      ...shownIn(page),
      step: 'check',
      ...fields,
    });
    assert.equal(checked.status, 200, checked.text);
    return checked;
  };
  const sites = (...ids: number[]) =>
    on.source.add('app_site', ...ids.map((id) => ({ id, name: `site ${id}` })));
  const replaceSite = async (query: string): Promise<void> => {
    await on.source.database.query(
      `drop view pmr_site; create view pmr_site as ${query}; grant select on pmr_site to reader`,
    );
  };

  it('shows the rows of the view, and the statement with which extract then creates the target', async () => {
    await sites(1, 2);
    const page = await check(SITE);
    assert.match(page.text, /The view has 2 rows\. There is no target yet: the next extract creates it\./);
    const statement = codeIn(page, STATEMENT);
    assert.match(statement, /^create table if not exists `[\w-]+\.SMartDataAnalytics\.site` \($/m);
    assert.equal(codeIn(page, MESSAGE), '', 'merge needs none');

    await on.catchUp('pmr_site');

    const [jobs] = await on.bigquery.getJobs();
    const queries = jobs.map(({ metadata }) => String(metadata.configuration.query?.query));
    assert.ok(
      queries.some((query) => query.includes(statement)),
      statement,
    );
    assert.match((await check(SITE)).text, /The view has 2 rows\. The target exists, and stays as it is\./);
  });

  it('shows the message of a streamed row', async () => {
    const fields = {
      target_name: 'incident',
      load_type: 'bq-storage-api',
      datetime_columns: STREAMED_ENTRY.datetime_columns.join('\n'),
    };
    const page = await check(`${NEW}?view=xyz_incident`, fields);
    assert.match(codeIn(page, STATEMENT), /max_staleness = interval 0 minute/);
    const { root } = protobuf.parse(codeIn(page, MESSAGE), { keepCase: true });
    assert.equal(root.lookupType('Incident').fields.open_datetime?.type, 'int64');
    assert.match(codeIn(page, MESSAGE), /^ {2}required int64 incident_id = 1;$/m);
    assert.match(codeIn(page, MESSAGE), /^ {2}required string _CHANGE_TYPE = 992;$/m);
  });

  it('shows how an existing target would follow, by which statements', async () => {
    await sites(1);
    await on.catchUp('pmr_site');
    await replaceSite(
      `select id as site_id, project_id, name, 7 as code, date '2026-01-02' as opened from app_site`,
    );
    const page = await check(SITE, { cluster_columns: 'name' });
    assert.match(
      page.text,
      /The target exists, and differs: .*column code \(INT64\) is missing .*It will be clustered by site_id, name\./,
    );
    assert.match(
      codeIn(page, CHANGE),
      /^alter table `[\w-]+\.SMartDataAnalytics\.site` add column if not exists `code` int64;$/m,
    );
    assert.doesNotMatch(page.text, /a new table takes its place/);

    const moved = await check(SITE, { partition_column: 'opened', partition_granularity: 'month' });
    assert.match(
      moved.text,
      /it is not partitioned instead of partitioned by month of opened .*a new table takes its place/,
    );
    assert.match(codeIn(moved, STATEMENT), /^partition by date_trunc\(`opened`, month\)$/m);
  });

  it('estimates the rows that cannot be counted in time', async () => {
    await sites(...Array.from({ length: 20 }, (_, i) => i + 1));
    await replaceSite('select id as site_id, project_id, name from app_site where pg_sleep(0.2) is not null');
    const hurried = await on.anotherProcess({ STATEMENT_TIMEOUT_SECONDS: '1' });
    const client = new AdminClient(() => hurried.dependencies);
    assert.match(
      (await check(SITE, {}, client)).text,
      /more than 5 s to count the rows .* no estimate of its main table yet\./,
    );
    await on.source.database.query('analyze app_site');
    const page = await check(SITE, {}, client);
    assert.match(page.text, /PostgreSQL estimates that its main table has about 20 rows\./);
    assert.match(
      page.text,
      /key site_id was not looked for twice, since reading all rows takes longer than a check may/,
    );
    assert.match(codeIn(page, STATEMENT), /create table/);
  });

  it('says what BigQuery does not tell, and shows the rest', async () => {
    await sites(1);
    stack.bigquery.faults.next(
      'bigquery.tables.get',
      ...Array.from({ length: 9 }, () => failBefore(403, 'accessDenied')),
    );
    const page = await check(SITE);
    assert.match(page.text, /The view has 1 row\. What changes in BigQuery cannot be shown\./);
    assert.match(codeIn(page, STATEMENT), /create table/);
    assert.match(page.text, /What would change/);
  });

  it('does not wait for a BigQuery that does not answer', async () => {
    const planTarget = () => new Promise<never>(() => {});
    const silent = () => ({ ...on.dependencies, warehouse: { ...on.dependencies.warehouse, planTarget } });
    const page = await check(SITE, {}, new AdminClient(silent));
    assert.match(page.text, /What changes in BigQuery cannot be shown\./);
    assert.match(codeIn(page, STATEMENT), /create table/);
  });

  it('keeps what was filled in while the source is down', async () => {
    const url = new URL(String(on.parts.env.SOURCE_DATABASE_URL));
    url.port = '1';
    const down = await on.anotherProcess({ SOURCE_DATABASE_URL: String(url) });
    const page = await check(SITE, { recheck_seconds: '5' }, new AdminClient(() => down.dependencies));
    assert.match(page.text, /The rows of the view and its target cannot be shown\./);
    assert.equal(shownIn(page).recheck_seconds, '5');
  });

  it('finds a key that is there twice, or NULL', async () => {
    await sites(1, 2);
    for (const query of [
      'select s.id as site_id, project_id, name from app_site s, generate_series(1, 2)',
      'select s.id as site_id, project_id, name from (values (1)) one (n) left join app_site s on false',
    ]) {
      await replaceSite(query);
      assert.match(
        (await check(SITE)).text,
        /■ view pmr_site .*key site_id is NULL or not unique, for example/,
      );
    }
  });

  it('knows what BigQuery partitions and clusters by', async () => {
    const page = await check(SITE, { partition_column: 'name', partition_granularity: 'day' });
    assert.match(
      page.text,
      /■ view pmr_site .*partition column name is STRING, but BigQuery partitions only by/,
    );
    const clustered = await check(SITE, { cluster_columns: 'name\nname' });
    assert.match(clustered.text, /■ view pmr_site .*cluster column name is named twice/);
  });

  it('offers the keys of a view, its columns and tables, and the content types', async () => {
    const { html } = await new AdminClient(() => on.dependencies).get(`${NEW}?view=pmr_project`);
    for (const [field, list, offered] of [
      ['key_column', 'keys', ['project_id']],
      ['main_table', 'tables', ['app_company', 'app_project']],
      ['app_label', 'appLabels', ['app']],
      ['model', 'models', ['project', 'company', 'site', 'incident']],
      ['partition_column', 'columns', ['project_id', 'name', 'company', 'share', 'opened', 'updated_at']],
    ] as const) {
      assert.match(html, new RegExp(`name="${field}"[^>]* list="${list}"`));
      const [, options = ''] = new RegExp(`<datalist id="${list}">(.*?)</datalist>`).exec(html) ?? [];
      assert.deepEqual(
        [...options.matchAll(/value="([^"]*)"/g)].map(([, value]) => value).sort(),
        offered.toSorted(),
      );
    }
  });

  it('can be opened and scrolled by the keyboard', async () => {
    const { html } = await check(SITE);
    assert.match(
      html,
      new RegExp(`<summary>${STATEMENT}</summary><pre tabindex="0" role="region" aria-label="${STATEMENT}">`),
    );
  });
});

/** The text that a reader opens by its title; empty if there is none. */
function codeIn({ html }: AdminPage, title: string): string {
  const opened = html.split(`<summary>${title}</summary>`)[1] ?? '';
  return unescaped(/<pre[^>]*>([^<]*)<\/pre>/.exec(opened)?.[1] ?? '');
}
