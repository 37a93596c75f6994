import { randomUUID } from 'node:crypto';
import { readFile as readText } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Hono } from 'hono';
import { z } from 'zod';
import { CSRF_FIELD } from '../access/csrf.ts';
import { assertOperator } from '../access/user.ts';
import { parseFields } from '../parse-fields.ts';
import type { AdminContext, AdminEnv } from '../request.ts';
import { confirmImport, problemNote, reasonProblems, refusedNote } from '../sources/confirm-import.ts';
import { type ImportPreview, previewImport, previewSections } from '../sources/preview.ts';
import { readFile } from '../sources/read-file.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';

const query = z.strictObject({ sample: z.literal('smartapp').optional() });

/** The import of a file: it is tried first, and stored after a look at what that would do. For operators. */
export function sourcesImport(): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  app.get('/sources/import', async (c) => {
    assertOperator(c.get('user'));
    const { sample } = parseFields(query, c.req.query());
    return await answer(c, { text: sample === undefined ? '' : await sampleFile() });
  });
  app.post('/sources/import', async (c) => {
    const form = await c.req.parseBody();
    const text = await textOf(form);
    const read = readFile(text);
    if (read.problems !== undefined) return await answer(c, { text, note: problemNote(read.problems) }, 400);
    const { entries } = read;
    const dependencies = c.get('dependencies');
    if (form.step !== 'import') {
      return await answer(c, { text, preview: await previewImport(entries, dependencies) });
    }
    const problems = reasonProblems(form.why);
    if (problems.length > 0) {
      const preview = await previewImport(entries, dependencies);
      return await answer(c, { text, preview, note: problemNote(problems) }, 400);
    }
    const done = await confirmImport(c, entries, form);
    if (done instanceof Response) return done;
    const preview = done.status === 503 ? undefined : await previewImport(entries, dependencies);
    return await answer(c, { text, preview, note: refusedNote(done.failure) }, done.status);
  });
  return app;
}

/** The views of SMartApp, which an empty installation offers. */
const sampleFile = async (): Promise<string> =>
  await readText(fileURLToPath(import.meta.resolve('#sql/source/view-sources.json')), 'utf8');

/** An uploaded file goes before what stands in the text field. Some editors begin a file with a byte order mark. */
async function textOf({ upload, file }: Record<string, unknown>): Promise<string> {
  const text = upload instanceof File && upload.size > 0 ? await upload.text() : file;
  return typeof text === 'string' ? text.replace(/^\uFEFF/, '') : '';
}

type Shown = { text: string; preview?: ImportPreview | undefined; note?: Html | '' };

async function answer(
  c: AdminContext,
  { text, preview, note = '' }: Shown,
  status: 200 | 400 | 409 | 503 = 200,
): Promise<Response> {
  c.status(status);
  return await page(c, {
    title: 'Import view sources',
    main: html`<p class="path"><a href="/sources">View sources</a></p><h1>Import view sources</h1>
<p>A file as the export writes it. It creates or changes the view sources that it has, all or none, and leaves others alone.</p>
${note}${fileForm(c, text, preview)}${preview === undefined ? '' : html`${previewSections(preview)}${confirmForm(c, text, preview)}`}`,
  });
}

function fileForm(c: AdminContext, text: string, preview: ImportPreview | undefined): Html {
  const form = html`<form class="fields" method="post" action="/sources/import" enctype="multipart/form-data">
<input type="hidden" name="${CSRF_FIELD}" value="${c.get('csrfToken')}">
<label>Choose a file <input type="file" name="upload" accept=".json,application/json"></label>
<label class="wide">Or its content <textarea name="file" rows="16" spellcheck="false" autocomplete="off">
${text}</textarea></label>
<button${preview === undefined ? html` class="main"` : ''}>${preview === undefined ? 'Show what will happen' : 'Show again'}</button></form>`;
  return preview === undefined ? form : html`<details><summary>The file</summary>${form}</details>`;
}

const confirmForm = (c: AdminContext, text: string, { checked, seen }: ImportPreview): Html =>
  html`<section aria-labelledby="confirm"><h2 id="confirm">Confirm</h2>
${checked.value?.ok === true ? '' : html`<p>The checks found problems. An import refuses what the source shows to be wrong, and then stores nothing.</p>`}
<form class="fields" method="post" action="/sources/import">${Object.entries({
    [CSRF_FIELD]: c.get('csrfToken'),
    requestId: randomUUID(),
    step: 'import',
    seen,
    file: text,
  }).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
<label>Why (optional) <input name="why" maxlength="500" autocomplete="off"></label>
<div class="row"><button class="main">Import</button><a href="/sources">Cancel</a></div></form></section>`;
