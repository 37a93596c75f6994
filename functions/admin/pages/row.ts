import { Hono } from 'hono';
import { z } from 'zod';
import { lookUpRow } from '../../../shared/operations/row/look-up-row.ts';
import { verdictOf } from '../../../shared/operations/row/verdict.ts';
import { isForeign } from '../access/assert-own-page.ts';
import { assertOperator } from '../access/user.ts';
import { parseFields, textField } from '../parse-fields.ts';
import type { AdminEnv } from '../request.ts';
import { lookupForm } from '../row/lookup-form.ts';
import { batchSection, logSection, rowSection } from '../row/row-sections.ts';
import { badge } from '../ui/badge.ts';
import { html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';
import { namedView, rowAddress, viewAddress } from '../view-address.ts';

const query = z.strictObject({
  key: textField(1000).optional(),
  /** Whether the operator has agreed to what the query of the target costs. */
  read: z.literal('target').optional(),
});

/** One row of a view, on both sides, in the log and in batches. Its values are for operators only, and never logged. */
export function row(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/views/:name/row', async (c) => {
    assertOperator(c.get('user'));
    const view = await namedView(c);
    if (view === null) return c.notFound();
    const { source } = view;
    const { key, read } = parseFields(query, c.req.query());
    c.header('cache-control', 'no-store');
    const head = html`<p class="path"><a href="${viewAddress(source.name)}">${source.name}</a></p><h1>Row lookup</h1>`;
    if (key === undefined) {
      return await page(c, {
        title: `Row lookup · ${source.name}`,
        main: html`${head}<p>See a row on both sides, the log rows that name it, and the batches that carried it.</p>${lookupForm(source)}`,
      });
    }
    // A link of another place agrees to nothing in the operator's name.
    const mayRead = read === 'target' && !isForeign(c.req.raw.headers);
    const lookup = await lookUpRow(source, key, mayRead, c.get('dependencies'));
    const { tone, word, meaning } = verdictOf(lookup);
    return await page(c, {
      title: `Row ${lookup.key} · ${source.name}`,
      main: html`${head}${lookupForm(source, key)}
<p class="verdict">${badge(tone, word)} ${meaning}</p>
${rowSection(lookup, `${rowAddress(source.name, key)}&read=target`)}
${logSection(lookup)}
${batchSection(source.name, lookup)}`,
    });
  });
  return app;
}
