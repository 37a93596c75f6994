import { createHash } from 'node:crypto';
import { z } from 'zod';
import { asDataHubError, type DataHubError } from '../../../shared/errors.ts';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { REQUEST_SENT } from '../../../shared/operations/audited.ts';
import { parseFields, textField } from '../parse-fields.ts';
import type { AdminContext } from '../request.ts';
import { type Html, html } from '../ui/html.ts';
import { keepNotice } from '../ui/notice.ts';

const confirmation = z.object({
  requestId: z.uuid(),
  seen: z.string().regex(/^[\da-f]{64}$/, 'is not what the page has sent'),
  why: textField(500).trim().default(''),
});

/** What is wrong with the reason that was given. */
export const reasonProblems = (why: unknown): string[] =>
  textField(500).safeParse(why ?? '').success
    ? []
    : ['The reason is longer than 500 characters, or has a character that cannot be stored.'];

/** The id of a request. Somebody may go back, change the form and send it again: that is another request. */
export const requestOf = (requestId: string, entries: readonly ViewSourceEntry[]): string =>
  `${requestId} ${createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16)}`;

/** What an import was refused for, and with which status the page says so. */
export type Refused = { failure: DataHubError; status: 400 | 409 | 503 };

/** Imports what an operator has looked at, and leads on to where its effect can be seen; or returns why not. */
export async function confirmImport(
  c: AdminContext,
  entries: ViewSourceEntry[],
  form: Readonly<Record<string, unknown>>,
  effect = '/sources',
): Promise<Response | Refused> {
  const { requestId: given, seen, why } = parseFields(confirmation, form);
  const requestId = requestOf(given, entries);
  const dependencies = c.get('dependencies');
  const lead = async (text: (views: string) => string): Promise<Response> => {
    const entry = await dependencies.control.audit.idOf(requestId);
    const names = entries.map(({ name }) => name);
    const views = names.length > 5 ? `${names.length} view sources` : names.join(', ');
    keepNotice(c, { text: text(views).slice(0, 500), audit: String(entry) });
    return c.redirect(effect, 303);
  };
  try {
    const { runOperation } = await import('../../../shared/operations/run-operation.ts');
    await runOperation({ command: 'import', entries, seen }, dependencies, {
      via: 'page',
      by: c.get('user').name,
      why: why === '' ? null : why,
      requestId,
    });
    return await lead((views) => `Imported: ${views}.`);
  } catch (thrown) {
    const failure = asDataHubError(thrown);
    if (failure.context.code === REQUEST_SENT) {
      return await lead(() => 'This was asked for already, and is not done twice.');
    }
    const status = STATUS[failure.kind];
    if (status === undefined) throw failure;
    return { failure, status };
  }
}

/** What the import refused, or could not reach; anything else is a failure of the page. */
const STATUS: Partial<Record<DataHubError['kind'], Refused['status']>> = {
  configuration: 400,
  source_refused: 400,
  superseded: 409,
  transient: 503,
  unauthorized: 503,
};

export const refusedNote = ({ message, advice }: DataHubError): Html =>
  html`<div class="alert bad" role="alert"><p><strong>Nothing was stored.</strong> ${message}</p><p>${advice}</p></div>`;

export const problemNote = (problems: readonly string[]): Html | '' =>
  problems.length === 0
    ? ''
    : html`<div class="alert bad" role="alert"><p><strong>Nothing was stored.</strong></p><ul>${problems.map((each) => html`<li>${each}</li>`)}</ul></div>`;
