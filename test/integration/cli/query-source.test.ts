import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStack } from '../../../cli/connection/local-stack.ts';
import type { Installation } from '../../../cli/installation.ts';
import { querySource } from '../../../cli/query-source.ts';
import { Authority } from '../../emulators/authority.ts';
import { type Postgres, startPostgres } from '../../emulators/postgres.ts';
import { type ClaimedFolder, claimDataFolder } from '../../local/data-folder.ts';

describe('datahub query --source of a server with TLS', () => {
  let trusted: Authority;
  let postgres: Postgres;
  let folder: string;
  let claim: ClaimedFolder;

  before(async () => {
    trusted = await Authority.create('SMart test authority');
    postgres = await startPostgres({
      tls: await trusted.issue({ commonName: 'database', dns: ['localhost'] }),
    });
    folder = await mkdtemp(join(tmpdir(), 'query-source-'));
    claim = await claimDataFolder(folder);
  });
  after(async () => {
    await claim.release();
    await postgres.stop();
    await rm(folder, { recursive: true });
  });

  /** The stack that its `npm start` publishes, with the settings of TLS that it was started with. */
  async function stackWith(ca: string): Promise<Installation> {
    await claim.publish({
      functions: { extract: 'http://127.0.0.1:1' },
      sourceUrl: postgres.url().replace('127.0.0.1', 'localhost'),
      sourceTls: { SOURCE_TLS: 'verify-full', SOURCE_TLS_CA: ca },
    });
    return await openStack(folder);
  }
  const query = ({ source }: Installation) =>
    querySource(
      source ?? assert.fail('no source'),
      'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
      10,
    );

  it('is encrypted, as the connections of the functions are', async () => {
    assert.deepEqual((await query(await stackWith(trusted.certificate))).rows, [['t']]);
  });

  it('is refused by the settings that refuse the functions', async () => {
    const other = await Authority.create('Another authority');
    await assert.rejects(query(await stackWith(other.certificate)), /certificate/);
  });
});
