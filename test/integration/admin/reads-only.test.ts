import assert from 'node:assert/strict';
import { appFor, bearer, OPERATOR } from '../../support/admin-access.ts';
import { useInstallation } from '../../support/use-installation.ts';

describe('looking at pages of admin', () => {
  const { on } = useInstallation({ per: 'file' });
  const iam = () => appFor({ by: 'iam' }, () => on.dependencies);

  it('changes nothing, by GET and HEAD, wherever it goes', async () => {
    const app = iam();
    const [all] = await Promise.all([stored(), on.mailboxes.extract.take(), on.mailboxes.reconcile.take()]);
    const paths = new Set(
      app.routes.filter(({ method }) => method === 'GET').map(({ path }) => filled(path)),
    );
    for (const path of paths) {
      const headers = { authorization: bearer(OPERATOR) };
      const response = await app.request(`${path}?confirm=yes&reason=x`, { headers });
      assert.ok(response.status < 500, `${path}: ${response.status}`);
      const head = await app.request(path, { method: 'HEAD', headers });
      assert.ok(head.status < 500 && (await head.text()) === '', path);
    }
    assert.ok(paths.has('/'));
    assert.deepEqual(await stored(), all);
    assert.deepEqual([await on.mailboxes.extract.take(), await on.mailboxes.reconcile.take()], [[], []]);
  });

  /** An address of a route. */
  const filled = (path: string): string =>
    path
      .replaceAll(/:(?:name|view)\b[^/]*/g, 'pmr_project')
      .replaceAll(/:day\b[^/]*/g, '2026-01-02')
      .replaceAll(/:\w+(\{[^}]*\})?/g, '1');

  /** Every row of the control database. */
  async function stored(): Promise<Record<string, unknown>> {
    const { rows: tables } = await on.control.query<{ name: string }>(
      `select table_name as name from information_schema.tables where table_schema = 'etl' and table_type = 'BASE TABLE' order by 1`,
    );
    const content: Record<string, unknown> = {};
    for (const { name } of tables) {
      const { rows } = await on.control.query(`select t::text as row from etl.${name} as t order by 1`);
      content[name] = rows.map(({ row }) => row);
    }
    return content;
  }
});
