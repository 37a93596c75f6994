import { z } from 'zod';
import { asDataHubError, type DataHubError } from '../../../shared/errors.ts';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { REQUEST_SENT } from '../../../shared/operations/audited.ts';
import { runOperation } from '../../../shared/operations/run-operation.ts';
import { parseFields, textField } from '../parse-fields.ts';
import type { AdminContext } from '../request.ts';
import { type Html, html } from '../ui/html.ts';
import { keepNotice } from '../ui/notice.ts';

const confirmation = z.object({
  requestId: z.uuid(),
  seen: z.string().regex(/^[\da-f]{64}$/, 'is not what the page has sent'),
  why: textField(500).trim().default(''),
});

/** What an import was refused for, and with which status the page says so. */
export type Refused = { failure: DataHubError; status: 400 | 409 | 503 };

/** Imports what an operator has looked at, and leads on to the list; or returns why not. */
export async function confirmImport(
  c: AdminContext,
  entries: ViewSourceEntry[],
  form: Readonly<Record<string, unknown>>,
): Promise<Response | Refused> {
  const { requestId, seen, why } = parseFields(confirmation, form);
  const dependencies = c.get('dependencies');
  const lead = async (text: (views: string) => string): Promise<Response> => {
    const entry = await dependencies.control.audit.idOf(requestId);
    const names = entries.map(({ name }) => name);
    const views = names.length > 5 ? `${names.length} view sources` : names.join(', ');
    keepNotice(c, { text: text(views).slice(0, 500), audit: String(entry) });
    return c.redirect('/sources', 303);
  };
  try {
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
  html`<div class="alert bad" role="alert"><p><strong>Nothing was imported.</strong> ${message}</p><p>${advice}</p></div>`;

export const problemNote = (problems: readonly string[]): Html | '' =>
  problems.length === 0
    ? ''
    : html`<div class="alert bad" role="alert"><p><strong>Nothing was imported.</strong></p><ul>${problems.map((each) => html`<li>${each}</li>`)}</ul></div>`;
