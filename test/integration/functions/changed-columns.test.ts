import assert from 'node:assert/strict';
import { dryRunImport } from '../../../shared/operations/import-configuration.ts';
import { preflight } from '../../../shared/operations/preflight.ts';
import { PROJECT_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';

/** The view of source.sql with these columns, made anew. */
const makeView = (columns: string) => `drop view pmr_project; create view pmr_project as
  select ${columns} from app_project p left join app_company c on c.id = p.company_id where not p.is_dummy;
  grant select on pmr_project to reader`;
const ALL = 'p.id as project_id, p.name, c.name as company, p.share, p.opened, p.updated_at';

describe('a merged view whose columns change', () => {
  const { on } = useInstallation();
  const sql = (text: string) => on.source.database.query(text);
  const types = async () => {
    const [metadata] = await on.bigquery.dataset('SMartDataAnalytics').table('project').getMetadata();
    const fields = metadata.schema.fields as { name: string; type: string }[];
    return Object.fromEntries(fields.map(({ name, type }) => [name, type]));
  };
  const reported = async (): Promise<string[]> => {
    const [row] = await on.query(`select * from View_SMartData.view_project where project_id = 1`);
    return Object.keys(row ?? {});
  };
  const changes = async () =>
    (await on.control.query('select kind, action, details from etl.schema_change order by id')).rows;
  /** The next extract lets the reporting view follow, which then equals the view in the source, column by column. */
  const isEqual = async (...columns: string[]) => {
    assert.equal((await on.extract()).outcome, 'idle');
    const names = ['project_id', ...columns].map((name) =>
      name === 'share' ? 'trim_scale(share) as share' : name,
    );
    const { rows } = await sql(`select ${names.join(', ')} from pmr_project order by 1`);
    const found = await on.query(
      `select project_id, ${columns.join(', ')} from View_SMartData.view_project order by project_id`,
    );
    const texts = (all: Record<string, unknown>[]) =>
      all.map((row) => Object.values(row).map((value) => (value === null ? null : String(value))));
    assert.deepEqual(texts(found), texts(rows));
  };
  const resync = async (...columns: string[]) => {
    assert.deepEqual(await on.extract(), { outcome: 'resync requested', view: 'pmr_project' });
    const merged = await on.replicate();
    await isEqual(...columns);
    return merged;
  };

  beforeEach(async () => {
    await on.source.add('app_company', { id: 1, name: 'c' });
    await on.source.add(
      'app_project',
      { id: 1, name: 'one', remark: 'seen at last', share: '0.125', company_id: 1 },
      { id: 2, name: 'two' },
    );
    await on.replicate();
  });

  it('I2 gets an added column with its values in all rows, and then in the reporting view', async () => {
    await sql(makeView(`${ALL}, p.remark, array[p.id] as ids`));
    assert.equal((await on.extract()).outcome, 'resync requested');

    const batch = await on.stage();
    assert.equal(batch.kind, 'resync');
    assert.partialDeepStrictEqual(await types(), { remark: 'STRING', ids: 'INTEGER' });
    assert.ok(!(await reported()).includes('remark'), 'old rows have no values yet');
    assert.partialDeepStrictEqual(await on.merge(batch), { changed: '2' });
    await isEqual('name', 'company', 'remark', 'ids');

    assert.ok((await reported()).includes('remark'));
    assert.deepEqual(
      (await changes()).map(({ kind, action }) => `${kind} ${action}`),
      ['replaced resync', 'columns evolved'],
    );
    await on.source.change('app_project', 2, { remark: 'later' });
    assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
    await isEqual('remark');
  });

  it('I2 shows an added column only with its values, also when the first batch that has them is abandoned', async () => {
    await sql(makeView(`${ALL}, p.remark`));
    assert.equal((await on.extract()).outcome, 'resync requested');
    const abandoned = await on.stage();
    await on.control.query(
      `update etl.etl_transaction set state = 'abandoned', ended_at = now() where id = $1`,
      [abandoned.etlTransactionId],
    );

    const batch = await on.stage();

    assert.ok(!(await reported()).includes('remark'), 'old rows have no values yet');
    await on.merge(batch);
    await isEqual('name', 'company', 'remark');
    assert.ok((await reported()).includes('remark'));
  });

  it('I2 shows a column that comes back only with its values', async () => {
    await sql(makeView('p.id as project_id, p.name, p.share, p.opened, p.updated_at'));
    await resync('name', 'share');
    await sql(makeView(ALL));
    assert.equal((await on.extract()).outcome, 'resync requested');

    const batch = await on.stage();

    assert.ok(!(await reported()).includes('company'), 'all rows have NULL yet');
    await on.merge(batch);
    await isEqual('name', 'company');
  });

  it('I2 empties a dropped column, and fills it again when it comes back', async () => {
    await sql(makeView('p.id as project_id, p.name, p.share, p.opened, p.updated_at'));
    assert.partialDeepStrictEqual(await resync('name', 'share'), { changed: '1', unchanged: '1' });
    assert.deepEqual(
      (await on.query(`select company from ${on.targetTable()} order by project_id`)).map(
        ({ company }) => company,
      ),
      [null, null],
    );
    await on.source.change('app_project', 1, { name: 'uno' });
    assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });

    await sql(makeView(ALL));
    assert.partialDeepStrictEqual(await resync('name', 'company'), { changed: '1', unchanged: '1' });
    assert.deepEqual(
      (await on.query(`select company from ${on.targetTable()} order by project_id`)).map(
        ({ company }) => company,
      ),
      ['c', null],
    );
  });

  it('I2 follows a wider type in place', async () => {
    assert.partialDeepStrictEqual(await types(), { share: 'NUMERIC' });
    await sql('drop view pmr_project; alter table app_project alter column share type numeric(50, 20)');
    await sql(makeView(ALL).replace('drop view pmr_project;', ''));
    await on.source.change('app_project', 2, { share: '0.1234567891' });

    assert.partialDeepStrictEqual(await resync('name', 'share'), { changed: '1', unchanged: '1' });

    assert.partialDeepStrictEqual(await types(), { share: 'BIGNUMERIC' });
    await isEqual('name', 'share');
  });

  it('I8 halts for another type of the key, and the advice, followed literally, mends it', async () => {
    await sql('drop view pmr_project; alter table app_project alter column id type text');
    await sql(makeView(ALL).replace('drop view pmr_project;', ''));
    await on.source.change('app_project', 2, { name: 'zwei' });
    assert.equal((await on.extract()).outcome, 'resync requested');

    const error = await on.extract().then(
      () => assert.fail('the type was changed'),
      (thrown: Error & { kind: string; advice: string }) => thrown,
    );
    assert.equal(error.kind, 'schema_drift');
    assert.match(error.message, /column project_id is REQUIRED INT64 instead of REQUIRED STRING/);
    assert.match(
      error.advice,
      /their former names and types, for example by aliases and casts, and resume it/,
    );
    await sql('drop view pmr_project; alter table app_project alter column id type bigint using id::bigint');
    await sql(makeView(ALL).replace('drop view pmr_project;', ''));
    await on.dependencies.control.viewStops.resume('pmr_project');

    assert.partialDeepStrictEqual(await on.replicate(), { outcome: 'applied' });
    await isEqual('name');
  });

  it('I2 while one of its batches waits to be applied is loaded again afterwards', async () => {
    await on.source.change('app_project', 2, { name: 'Two' });
    const batch = await on.stage();
    await sql(makeView(`${ALL}, p.remark`));
    await on.merge(batch);

    await resync('name', 'remark');

    assert.partialDeepStrictEqual(await types(), { remark: 'STRING' });
  });

  it('I2 is loaded again when a target has lost a column', async () => {
    await on.query(`alter table ${on.targetTable()} drop column company`);
    await on.source.change('app_project', 2, { name: 'Two' });

    assert.partialDeepStrictEqual(await resync('name', 'company'), { changed: '2' });
  });

  it('I8 halts for a name in other letters, and the advice, followed literally, mends it', async () => {
    const before = await types();
    await sql(makeView(ALL.replace('company', '"Company"')));
    assert.equal((await on.extract()).outcome, 'resync requested');

    await assert.rejects(on.extract(), {
      kind: 'schema_drift',
      message: /column Company is written company in the table, and BigQuery takes both for one name/,
      advice:
        /Give the view's columns their former names and types, for example by aliases and casts, and resume it/,
    });
    assert.deepEqual(await types(), before);

    await sql(makeView(ALL));
    await on.dependencies.control.viewStops.resume('pmr_project');
    assert.equal((await on.replicate()).outcome, 'applied');
    await isEqual('name', 'company');
  });

  it('I8 halts if its view source freezes the columns', async () => {
    await on.control.query(`update etl.view_source set column_changes = 'freeze' where name = 'pmr_project'`);
    await sql(makeView(`${ALL}, p.remark`));
    assert.equal((await on.extract()).outcome, 'resync requested');

    await assert.rejects(on.extract(), {
      kind: 'schema_drift',
      message: /column remark \(STRING\) is missing/,
      advice: /Give the view its former columns/,
    });

    await sql(makeView(ALL));
    await on.dependencies.control.viewStops.resume('pmr_project');
    await on.replicate();
    await on.assertEqual();
  });

  it('differs no more by a column whose drop it has followed, even if its view source freezes the columns later', async () => {
    await sql(makeView('p.id as project_id, p.name, p.share, p.opened, p.updated_at'));
    await resync('name', 'share');

    await on.control.query(`update etl.view_source set column_changes = 'freeze' where name = 'pmr_project'`);

    const entry = { ...PROJECT_ENTRY, column_changes: 'freeze' as const };
    for (const { findings } of [
      await preflight({ view: 'pmr_project' }, on.dependencies),
      await dryRunImport({ entries: [entry] }, on.dependencies),
    ]) {
      assert.partialDeepStrictEqual(
        findings.filter(({ check }) => check === 'view pmr_project'),
        [{ ok: true, message: '4 columns, key project_id is unique and never NULL; its tables match' }],
      );
    }
    await on.source.change('app_project', 2, { name: 'Two' });
    assert.partialDeepStrictEqual(await on.replicate(), { changed: '1' });
  });

  it('I8 halts for a column of its target that is not of our making', async () => {
    await on.query(`alter table ${on.targetTable()} add column extra string`);
    await on.source.change('app_project', 2, { name: 'Two' });

    await assert.rejects(on.extract(), { kind: 'schema_drift', message: /column extra is not in the view/ });
  });
});
