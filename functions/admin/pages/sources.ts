import { Hono } from 'hono';
import { DataHubError } from '../../../shared/errors.ts';
import { viewSourceFile } from '../../../shared/model/view-source-file.ts';
import type { AdminEnv } from '../request.ts';
import { noSources, sourceList } from '../sources/source-list.ts';
import { html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';

/** The view sources: their list, and all of them as a file. */
export function sources(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/sources', async (c) => {
    const { config, control } = c.get('dependencies');
    const { role } = c.get('user');
    const [entries, statuses] = await Promise.all([
      control.viewSources.entries(),
      control.status.views(undefined, { costDays: 1 }),
    ]);
    const listed = entries.map((each) => ({
      ...each,
      status: statuses.find(({ view }) => view === each.entry.name),
    }));
    const links = html`<span class="links">${role === 'operator' ? IMPORT : ''}${listed.length === 0 ? '' : EXPORT}</span>`;
    return await page(c, {
      title: 'View sources',
      main: html`<div class="heading"><h1>View sources</h1>${links}</div>
${listed.length === 0 ? noSources(role) : sourceList(listed, role, config.lagWarningSeconds)}`,
    });
  });
  app.get('/sources/export', async (c) => {
    const { control } = c.get('dependencies');
    const stored = await control.viewSources.entries();
    if (stored.length === 0) {
      throw new DataHubError('invalid_event', 'There is no view source to export.', {
        advice: 'Import view sources first.',
      });
    }
    c.header('content-type', 'application/json; charset=utf-8');
    c.header('content-disposition', 'attachment; filename="view-sources.json"');
    return c.body(viewSourceFile(stored.map(({ entry }) => entry)));
  });
  return app;
}

const IMPORT = html`<a href="/sources/new">New view source</a> <a href="/sources/import">Import a file</a> `;
const EXPORT = html`<a href="/sources/export">Export all</a>`;
