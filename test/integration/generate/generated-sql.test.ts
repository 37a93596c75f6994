import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { generatedSql } from '../../generate/generated-sql.ts';
import { SMARTAPP_VIEWS } from '../../generate/view-shapes.ts';
import { createSmartApp } from '../../smartapp/create-smartapp.ts';

const FOLDER = fileURLToPath(new URL('../../../sql/bigquery/', import.meta.url));
/** Files that are written by hand. */
const NOT_GENERATED = ['sample-queries.sql'];

describe('sql/bigquery', () => {
  let postgres: Postgres;
  let generated: Map<string, string>;

  before(async () => {
    postgres = await startPostgres();
    await postgres.createDatabase('smartapp');
    await createSmartApp(postgres.url('smartapp'), { scale: 0.001 });
    generated = await generatedSql({ file: SMARTAPP_VIEWS, sourceUrl: postgres.url('smartapp') });
  });
  after(() => postgres.stop());

  it('contains exactly the statements that the functions run for SMartApp', async () => {
    for (const [path, sql] of generated) {
      const committed = await readFile(join(FOLDER, path), 'utf8').catch(() => null);
      assert.equal(
        committed,
        sql,
        `sql/bigquery/${path} differs from the builders' output; run: npm run generate`,
      );
    }
  });

  it('contains no file that the builders no longer write', async () => {
    const entries = await readdir(FOLDER, { recursive: true });
    const committed = entries
      .filter((path) => path.endsWith('.sql'))
      .map((path) => path.split(sep).join('/'));

    assert.deepEqual(committed.toSorted(), [...generated.keys(), ...NOT_GENERATED].toSorted());
  });
});
