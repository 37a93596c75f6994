import type { ViewStatus } from '../../../shared/control/status.ts';
import type { StoredEntry } from '../../../shared/control/stored-entry.ts';
import { viewState } from '../../../shared/operations/view-state.ts';
import type { Role } from '../access/user.ts';
import { actionPath } from '../attention.ts';
import { badge } from '../ui/badge.ts';
import { showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { heads, table } from '../ui/section.ts';
import { sourceAddress, viewAddress } from '../view-address.ts';

type Listed = StoredEntry & { status: ViewStatus | undefined };

/** Every view source, with what can be done with it. */
export function sourceList(sources: readonly Listed[], role: Role, lagWarningSeconds: number): Html {
  const isOperator = role === 'operator';
  const head = heads('View', 'State', 'Target', 'Main table', 'Key', 'Load type', 'Imported');
  return table(
    'View sources',
    html`${head}${isOperator ? heads('Actions') : ''}`,
    sources.map(({ entry, importedAt, status }) => {
      const state = status === undefined ? null : viewState(status, lagWarningSeconds);
      return html`<tr><th scope="row"><a href="${viewAddress(entry.name)}">${entry.name}</a></th>
<td>${state === null ? '' : badge(state.tone, state.word)}</td>
<td>${entry.target_name}</td><td>${entry.main_table}</td><td>${entry.key_column}</td><td>${entry.load_type}</td><td>${showTime(importedAt)}</td>
${isOperator ? html`<td><span class="links">${links(entry.name, status)}</span></td>` : ''}</tr>`;
    }),
  );
}

function links(view: string, status: ViewStatus | undefined): Html {
  const isStopped = status?.paused != null || status?.halted != null;
  const acts = [
    [isStopped ? 'resume' : 'pause', isStopped ? 'Resume' : 'Pause'],
    ['forget', 'Forget'],
  ] as const;
  return html`<a href="${sourceAddress(view)}">Edit<span class="hidden"> ${view}</span></a>
${acts.map(([action, label]) => html`<a href="${actionPath(view, action)}">${label}<span class="hidden"> ${view}</span></a> `)}`;
}

/** What an installation without view sources shows. */
export const noSources = (role: Role): Html =>
  html`<div class="empty"><p>There are no view sources yet. Each replicates one view of the source into a table of BigQuery.</p>
${
  role === 'operator'
    ? html`<p><a class="button" href="${SAMPLE}">Begin with the five views of SMartApp</a></p>
<p><a href="/sources/import">Import a file</a></p>`
    : html`<p>An operator can import them.</p>`
}</div>`;

/** The import with the file of SMartApp's views filled in. */
const SAMPLE = '/sources/import?sample=smartapp';
