import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import type { ResolvedEntry } from '../../../shared/control/view-source-row.ts';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';
import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { viewSourceFile } from '../../../shared/model/view-source-file.ts';
import { viewSourceImport } from '../../../shared/model/view-source-import.ts';
import { runOperation } from '../../../shared/operations/run-operation.ts';
import { AdminClient, linkOf } from '../../support/admin.ts';
import { ENTRIES, STREAMED_ENTRY } from '../../support/installation.ts';
import { useInstallation } from '../../support/use-installation.ts';
import { BY_CALL } from '../operations/by-call.ts';

const SMARTAPP = new URL('../../../sql/source/view-sources.json', import.meta.url);

describe('the view sources of the admin page', () => {
  const { on } = useInstallation({ views: [STREAMED_ENTRY] });

  const clientOf = (role: 'operator' | 'viewer') => new AdminClient(() => on.dependencies, role);
  const rows = async () =>
    (await on.control.query(`select to_jsonb(v) - 'imported_at' as row from etl.view_source v order by name`))
      .rows;
  const exported = async (): Promise<string> =>
    await (await clientOf('viewer').fetch('/sources/export')).text();
  const parsed = (file: string): ViewSourceEntry[] =>
    viewSourceImport.parse((JSON.parse(file) as { import: unknown }).import);
  /** As an import stores them, whether the source has their tables or not. */
  const store = async (entries: readonly ViewSourceEntry[]) =>
    await on.dependencies.control.viewSources.import(entries.map(resolved));
  const clear = async () => {
    await on.control.query('delete from etl.view_source');
  };

  it('lists them with their state, target, table, key and load type, and links to what can be done', async () => {
    await on.dependencies.control.viewStops.halt('pmr_site', 'wrong <b>figures</b>');
    await on.control.query(`update etl.view_source set enabled = false where name = 'xyz_incident'`);
    const page = await clientOf('operator').get('/sources');
    assert.match(page.text, /pmr_project ◐ loading project app_project project_id merge \d{4}-/);
    assert.match(page.text, /pmr_site ■ halted site app_site site_id merge/);
    assert.match(page.text, /xyz_incident ○ not enabled incident app_incident incident_id bq-storage-api/);
    assert.equal(linkOf(page, 'pmr_project'), '/views/pmr_project');
    assert.equal(linkOf(page, 'Edit pmr_project'), '/views/pmr_project/source');
    assert.equal(linkOf(page, 'Pause pmr_project'), '/views/pmr_project/pause');
    assert.equal(linkOf(page, 'Resume pmr_site'), '/views/pmr_site/resume');
    assert.equal(linkOf(page, 'Forget pmr_site'), '/views/pmr_site/forget');
    assert.equal(linkOf(page, 'Export all'), '/sources/export');
    assert.match(page.html, /<a href="\/sources" aria-current="page">View sources<\/a>/);

    const looked = await clientOf('viewer').get('/sources');
    assert.match(looked.text, /pmr_project/);
    assert.doesNotMatch(looked.text, /Edit|Pause|Forget|Import a file/);
  });

  it('offers SMartApp’s views to an empty installation, and has no file to export', async () => {
    await clear();
    const page = await clientOf('operator').get('/sources');
    assert.equal(linkOf(page, 'Begin with the five views of SMartApp'), '/sources/import?sample=smartapp');
    assert.equal(linkOf(page, 'Import a file'), '/sources/import');
    assert.doesNotMatch(page.text, /Export/);
    const looked = await clientOf('viewer').get('/sources');
    assert.match(looked.text, /There are no view sources yet\..*An operator can import them\./);
    const none = await clientOf('viewer').get('/sources/export');
    assert.equal(none.status, 400);
    assert.match(none.text, /There is no view source to export\./);
  });

  it('exports a file whose import changes nothing', async () => {
    const answer = await clientOf('viewer').fetch('/sources/export');
    assert.equal(answer.headers.get('content-disposition'), 'attachment; filename="view-sources.json"');
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/);
    const file = await answer.text();
    assert.doesNotMatch(file, /content_type_id|former_type_ids/, 'which differ between databases');
    assert.match(
      file,
      /"table": "app_company",\s+"app_label": "app",\s+"model": "company"/,
      'as people write it',
    );
    assert.deepEqual(
      parsed(file),
      [...ENTRIES, STREAMED_ENTRY].sort((one, other) => (one.name < other.name ? -1 : 1)),
    );
    const before = await rows();

    const command = parseExtractEvent(JSON.parse(file));
    assert.ok(command.command === 'import');
    await runOperation(command, on.dependencies, BY_CALL);

    assert.deepEqual(await rows(), before);
  });

  it('exports SMartApp’s five views as their file has them', async () => {
    await clear();
    const file = JSON.parse(await readFile(SMARTAPP, 'utf8')) as { import: { name: string }[] };
    await store(viewSourceImport.parse(file.import));
    const before = await rows();
    const text = await exported();
    const byName = (one: { name: string }, other: { name: string }) => (one.name < other.name ? -1 : 1);
    assert.deepEqual(JSON.parse(text), { import: file.import.toSorted(byName) });

    await store(parsed(text));

    assert.deepEqual(await rows(), before);
  });

  it('exports every field of any entry', async () => {
    await clear();
    await fc.assert(
      fc.asyncProperty(anyEntry, async (entry) => {
        await store([entry]);
        const before = await rows();
        const stored = await on.dependencies.control.viewSources.entries();
        const again = parsed(viewSourceFile(stored.map((each) => each.entry)));
        assert.deepEqual(again, [entry]);
        await store(again);
        assert.deepEqual(await rows(), before);
      }),
      { numRuns: 60 },
    );
  });
});

const SOME_ID = 7;

const resolvedModels = <T extends object>(models: readonly T[]) =>
  models.map((model) => ({ ...model, content_type_id: SOME_ID }));

const resolved = (entry: ViewSourceEntry): ResolvedEntry => ({
  ...entry,
  content_type_id: SOME_ID,
  former_type_ids: [3],
  child_models: resolvedModels(entry.child_models),
  lookups: entry.lookups.map((lookup) => ({
    ...lookup,
    content_type_id: SOME_ID,
    former_type_ids: [4],
    child_models: resolvedModels(lookup.child_models ?? []),
  })),
});

const aName = fc.stringMatching(/^[a-zé "'<>\\/.[\]{}$]{1,12}$/);
const names = fc.uniqueArray(aName, { maxLength: 3 });
const perColumn = <T>(value: fc.Arbitrary<T>) =>
  fc.dictionary(aName, value, { maxKeys: 3, noNullPrototype: true });
const models = fc.array(fc.record({ app_label: aName, model: aName }), { maxLength: 2 });
const share = fc.constantFrom(0, 0.001, 0.25, 1);
const bytes = fc.option(fc.constantFrom(1, 10 ** 9, Number.MAX_SAFE_INTEGER));

const anyLookup = fc.record(
  {
    table: aName,
    app_label: aName,
    model: aName,
    column: aName,
    // An empty list means the same as none.
    child_models: models.filter((list) => list.length > 0),
    references: aName,
    skip_untracked: fc.boolean(),
    sets_null: fc.boolean(),
  },
  { requiredKeys: ['table', 'app_label', 'model', 'column'] },
);

/** Every field, at its default and at others. */
const anyEntry = fc
  .record({
    main_table: aName,
    app_label: aName,
    model: aName,
    child_models: models,
    key_column: aName,
    tracked_columns: names,
    skip_untracked: fc.boolean(),
    foreign_keys: fc.array(fc.record({ column: aName, references: fc.constant('other') }), { maxLength: 2 }),
    datetime_columns: names,
    null_defaults: perColumn(fc.oneof(aName, fc.integer(), fc.boolean(), fc.constant(1.5))),
    unrepresentable: perColumn(fc.constantFrom('null', 'string')),
    null_arrays: perColumn(fc.constantFrom('empty', 'stop')),
    omitted_columns: fc.option(names),
    load_type: fc.constantFrom('merge', 'bq-storage-api'),
    policy_tags: perColumn(fc.constant('projects/p/locations/l/taxonomies/1/policyTags/2')),
    partition: fc.option(fc.tuple(aName, fc.constantFrom('hour', 'day', 'month', 'year'))),
    cluster_columns: names,
    report_column: fc.oneof(aName, fc.constant('update_at')),
    recheck_seconds: fc.nat(),
    max_deleted_share: share,
    lookups: fc.uniqueArray(anyLookup, { maxLength: 2, selector: ({ column }) => column }),
    view_changes: fc.constantFrom('resync', 'halt'),
    column_changes: fc.constantFrom('evolve', 'freeze'),
    ignored_dependencies: names,
    daily_budget_bytes: bytes,
    auto_repair: fc.boolean(),
    max_repaired_share: share,
    max_check_bytes: bytes,
    enabled: fc.boolean(),
  })
  .map(({ partition, ...fields }) =>
    viewSourceEntry.parse({
      ...fields,
      name: 'any',
      target_name: 'any_target',
      partition_column: partition?.[0] ?? null,
      partition_granularity: partition?.[1] ?? null,
    }),
  );
