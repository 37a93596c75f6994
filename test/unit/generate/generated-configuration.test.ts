import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { ENVIRONMENT_NAMES } from '../../../shared/config/config.ts';
import { entryNotes } from '../../../shared/model/entry-notes.ts';
import { changedFields, type Effect, type SourceFields } from '../../../shared/model/source-changes.ts';
import { viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { generatedConfiguration } from '../../generate/generated-configuration.ts';

const CHILD_MODEL = ['app_label', 'model', 'content_type_id'].map((name) => `child_models[].${name}`);
const PLACES =
  '<!-- generated: environment -->\n<!-- end -->\n<!-- generated: view source -->\n<!-- end -->\n';

/** No field has the value of its example. */
const ENTRY = {
  ...viewSourceEntry.parse({
    name: 'v',
    target_name: 't',
    main_table: 'app_v',
    app_label: 'app',
    model: 'v',
    key_column: 'id',
    load_type: 'bq-storage-api',
    view_changes: 'resync',
  }),
  content_type_id: 1,
};

function metaOf<T>(schema: z.ZodType, name: 'effects' | 'examples'): T[] {
  const values = schema.meta()?.[name];
  assert.ok(Array.isArray(values) && values.length > 0, name);
  return values as T[];
}

describe('docs/configuration.md', () => {
  it('contains exactly the tables that are generated from the schemas', async () => {
    const committed = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

    assert.equal(
      committed,
      generatedConfiguration(committed),
      'docs/configuration.md differs from the schemas; run: npm run generate',
    );
  });

  it('describes every variable and every field in one sentence', () => {
    const rows = generatedConfiguration(PLACES).matchAll(/^\| (`.+?) \| (.+?) \| (.+?) \| (.+?) \|$/gm);
    const described = [...rows].flatMap(([, names = '', meaning = '']) => {
      assert.match(meaning, /^[A-Z].*\.$/, names);
      return [...names.matchAll(/`(.+?)`/g)].map(([, name]) => name);
    });

    const fields = [
      ...Object.keys(viewSourceEntry.shape),
      ...Object.keys(entryNotes.shape),
      ...['foreign_keys[].column', 'foreign_keys[].references'],
      ...CHILD_MODEL,
      ...['table', 'app_label', 'model', 'content_type_id', 'column'].map((name) => `lookups[].${name}`),
      ...['references', 'skip_untracked', 'sets_null', 'child_models'].map((name) => `lookups[].${name}`),
      ...CHILD_MODEL.map((name) => `lookups[].${name}`),
    ];
    assert.deepEqual(described.toSorted(), [...ENVIRONMENT_NAMES, ...fields].toSorted());
  });

  it('shows the real defaults and bounds', () => {
    const document = generatedConfiguration(PLACES);

    assert.match(document, /^\| `KEEP_DAYS` \| .* \| `90` \| 8 to 36500 \|$/m);
    assert.match(document, /^\| `STAGING_BUCKET` \| .* \| required \| a bucket name \|$/m);
    assert.match(
      document,
      /^\| `load_type` \| .* \| required \| `merge`, `bq-storage-api` \| `"merge"` \| no \|$/m,
    );
    assert.match(document, /^\| `tracked_columns` \| .* \| none \| columns of the main table, or .* \|$/m);
    assert.match(
      document,
      /^\| `report_column` \| .* \| `"placed_at"` \| yes; what readers see is made anew \|$/m,
    );
    assert.match(document, /^\| `lookups\[\]\.column` \| .* \| `"customer_id"` \| as the list \|$/m);
  });

  it('gives examples that the schema takes', () => {
    for (const [field, schema] of Object.entries({ ...viewSourceEntry.shape, ...entryNotes.shape })) {
      for (const example of metaOf<unknown>(schema, 'examples')) {
        assert.deepEqual(schema.parse(example), example, field);
      }
    }
  });

  it('says what the change of each field means, as changed fields are judged', () => {
    for (const [field, schema] of Object.entries(viewSourceEntry.shape)) {
      const seen = metaOf<unknown>(schema, 'examples').flatMap((example) =>
        [{}, { skip_untracked: true }, { load_type: 'merge' }].flatMap((differing) => {
          const before = { ...ENTRY, ...differing } as SourceFields;
          const after = { ...before, [field]: example };
          return [changedFields(before, after), changedFields(after, before)]
            .flat()
            .filter((change) => change.field === field)
            .map(({ effect }) => effect);
        }),
      );
      const described = metaOf<Effect>(schema, 'effects').filter((effect) => effect !== 'none');
      assert.deepEqual(new Set(seen), new Set(described), field);
    }
  });

  it('keeps all other text and must have a place for each table', () => {
    assert.match(generatedConfiguration(`# One\n\n${PLACES}\nTwo.\n`), /^# One\n\n<!-- .*-->\n\nTwo\.\n$/s);
    assert.throws(() => generatedConfiguration('# One\n'), /has no place for the table "environment"/);
  });
});
