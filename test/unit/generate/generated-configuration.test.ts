import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { ENVIRONMENT_NAMES } from '../../../shared/config/config.ts';
import { viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { generatedConfiguration } from '../../generate/generated-configuration.ts';

const CHILD_MODEL = ['app_label', 'model', 'content_type_id'].map((name) => `child_models[].${name}`);
const PLACES =
  '<!-- generated: environment -->\n<!-- end -->\n<!-- generated: view source -->\n<!-- end -->\n';

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
    assert.match(document, /^\| `load_type` \| .* \| required \| `merge`, `bq-storage-api` \|$/m);
    assert.match(document, /^\| `tracked_columns` \| .* \| none \| columns of the main table, or .* \|$/m);
  });

  it('keeps all other text and must have a place for each table', () => {
    assert.match(generatedConfiguration(`# One\n\n${PLACES}\nTwo.\n`), /^# One\n\n<!-- .*-->\n\nTwo\.\n$/s);
    assert.throws(() => generatedConfiguration('# One\n'), /has no place for the table "environment"/);
  });
});
