import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { preflight } from '../../../shared/operations/preflight.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('a database with the encoding SQL_ASCII', () => {
  const { on } = useInstallation();

  it('stops a batch at bytes that are no text, naming key and column, and the check warns of it', async () => {
    const name = `ascii_${on.parts.env.GOOGLE_CLOUD_PROJECT?.replaceAll('-', '_')}`;
    await on.source.database.query(
      `create database ${name} template template0 encoding 'SQL_ASCII' locale_provider libc lc_collate 'C' lc_ctype 'C'`,
    );
    const urlOf = (url = '') => Object.assign(new URL(url), { pathname: name }).href;
    const database = new pg.Pool({ connectionString: urlOf(on.parts.sourceUrl), max: 1 });
    database.on('error', () => undefined);
    try {
      await database.query(await readFile(new URL('../../support/source.sql', import.meta.url), 'utf8'));
      await database.query(`insert into app_project (id, name) values (1, 'plain'), (2, 'caf' || chr(233))`);
      const { dependencies } = await on.anotherProcess({
        SOURCE_DATABASE_URL: urlOf(on.parts.env.SOURCE_DATABASE_URL),
      });
      on.dependencies = dependencies;

      const { findings } = await preflight({ view: 'pmr_project' }, dependencies);
      const warning = findings.find(({ check }) => check === 'source encoding');
      assert.equal(warning?.ok, true);
      assert.match(warning?.message ?? '', /has the encoding SQL_ASCII/);
      await assert.rejects(on.extract(), {
        kind: 'bad_data',
        message: /view pmr_project: key 2, column name: invalid byte sequence for encoding "UTF8"/,
      });

      await database.query(`update app_project set name = 'mended' where id = 2`);
      await on.dependencies.control.viewStops.resume('pmr_project');
      await on.replicate();
    } finally {
      await database.end();
    }
  });
});
