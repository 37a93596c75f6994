import type { Config } from '../../../shared/config/config.ts';
import type {
  BilledJob,
  TransactionDetail,
  TransactionFailure,
  TransactionRecord,
} from '../../../shared/control/transaction-detail.ts';
import { rowText } from '../access/row-values.ts';
import type { User } from '../access/user.ts';
import { badge } from '../ui/badge.ts';
import { folderLink, jobLink, objectLink } from '../ui/console-links.ts';
import { formatBytes, formatNumber, formatSeconds, showTime } from '../ui/format.ts';
import { type Html, html } from '../ui/html.ts';
import { facts } from '../ui/section.ts';
import { consistencyBadge } from './batch-badge.ts';
import { count } from './transaction-table.ts';

export function failureSection(failures: readonly TransactionFailure[], user: User): Html | '' {
  if (failures.length === 0) return '';
  return html`<section aria-labelledby="failures"><h2 id="failures">Failures</h2><ul class="cases">${failures.map(
    ({ id, occurredAt, functionName, kind, message, advice, resolvedAt }) => html`<li>
<p>${badge(resolvedAt === null ? 'bad' : 'off', resolvedAt === null ? 'open' : 'resolved')} <strong>${kind}</strong> in ${functionName}, ${showTime(occurredAt)}</p>
<p>${rowText(message, user)}</p><p class="advice">${rowText(advice, user)}</p><p><a href="/failures/${id}">Failure ${id}</a></p></li>`,
  )}</ul></section>`;
}

/** The rows on their way: what the log named, what was staged, what that did to the target, and the rows of both sides after it. */
export function counts({ detail, checks }: TransactionRecord): Html {
  const known = (value: bigint | null) => (value === null ? null : formatNumber(value));
  const policies = Object.entries(detail.policyValues);
  return html`<section aria-labelledby="rows"><h2 id="rows">Rows</h2>
<dl class="cards">${[
    ['Added', detail.added],
    ['Changed', detail.changed],
    ['Deleted', detail.deleted],
    ['Unchanged', detail.unchanged],
  ].map(
    ([name, value]) =>
      html`<div class="card"><dt>${name as string}</dt><dd>${count(value as bigint | null)}</dd></div>`,
  )}</dl>
${facts([
  ['Log rows', formatNumber(detail.logRows)],
  ['Log rows without a valid key', detail.badKeys > 0n ? formatNumber(detail.badKeys) : null],
  ['Staged rows', known(detail.stagedUpserts)],
  ['Staged deletes', known(detail.stagedDeletes)],
  ['Acknowledged by BigQuery', detail.streamedRows > 0n ? formatNumber(detail.streamedRows) : null],
  ['Carries the whole view', detail.isComplete ? 'yes' : 'no'],
  ['Cut: the next batch goes on', detail.hasMore ? 'yes' : null],
  ['May delete any number of rows', detail.acceptsDeletes ? 'yes, an operator accepts it' : null],
  ['Rows of the target before it', known(detail.rowsBefore)],
  ['Rows of the source', known(detail.sourceRows)],
  ['Rows of the target', known(detail.targetRows)],
])}
${
  policies.length === 0
    ? ''
    : html`<h3>Values that a policy replaced</h3><div class="scroll"><table><thead><tr><th scope="col">Column</th><th scope="col" class="number">Values</th></tr></thead>
<tbody>${policies.map(([column, values]) => html`<tr><th scope="row">${column}</th><td class="number">${formatNumber(values)}</td></tr>`)}</tbody></table></div>`
}
${
  checks.length === 0
    ? ''
    : html`<h3>Checks of the target as it left it</h3><ul>${checks.map(
        ({ check, state, isConsistent, endedAt }) =>
          html`<li><a href="/consistency/${check}">Check ${check}</a>: ${state === 'done' ? consistencyBadge(isConsistent) : badge('busy', state)} ${endedAt === null ? '' : showTime(endedAt)}</li>`,
      )}</ul>`
}</section>`;
}

/** The jobs that are known to have ended, with what they cost, and those that the batch names. */
export function billedJobs(detail: TransactionDetail, ended: readonly BilledJob[], config: Config): Html {
  const named = [detail.loadJobId, detail.loadType === 'merge' ? detail.applyJobId : null];
  const open = named.filter((id): id is string => id !== null && !ended.some(({ jobId }) => jobId === id));
  const link = (id: string) =>
    html`<th scope="row"><a href="${jobLink(config, id)}" rel="noreferrer" class="id">${id}</a></th>`;
  const rows = [
    ...ended.map(
      ({ jobId, bytesBilled, slotMs, endedAt }) =>
        html`<tr>${link(jobId)}<td>${showTime(endedAt)}</td><td class="number">${formatBytes(bytesBilled)}</td><td class="number">${formatSeconds(Number(slotMs) / 1000)}</td></tr>`,
    ),
    ...open.map((id) => html`<tr>${link(id)}<td colspan="3" class="note">has not been seen to end</td></tr>`),
  ];
  return html`<section aria-labelledby="jobs"><h2 id="jobs">BigQuery jobs</h2>${
    rows.length === 0
      ? html`<p>${detail.loadType === 'merge' ? 'No job has been started.' : 'A stream writes rows without jobs.'}</p>`
      : html`<div class="scroll"><table><thead><tr><th scope="col">Job, in the console</th><th scope="col">Ended</th><th scope="col" class="number">Billed</th>
<th scope="col" class="number">Slot time</th></tr></thead><tbody>${rows}</tbody></table></div>`
  }</section>`;
}

export function stagedObjects(
  { stagedPrefix, stagedBytes, stagedAt }: TransactionDetail,
  config: Config,
): Html {
  return html`<section aria-labelledby="staged"><h2 id="staged">Staged objects</h2>
${facts([
  ['Compressed size', stagedBytes === null ? null : formatBytes(stagedBytes)],
  [
    'Objects, in the console',
    html`<a href="${folderLink(config, stagedPrefix)}" rel="noreferrer" class="id">gs://${config.stagingBucket}/${stagedPrefix}</a>`,
  ],
  [
    'Manifest',
    stagedAt === null
      ? 'not written yet: it is the last object'
      : html`<a href="${objectLink(config, `${stagedPrefix}manifest.json`)}" rel="noreferrer">manifest.json</a>`,
  ],
])}<p class="note">Cloud Storage deletes them after some days.</p></section>`;
}

export function definitionSection({
  definition,
  nextCheckpoint,
  resyncRequestedAt,
}: TransactionDetail): Html {
  return html`<section aria-labelledby="definition"><h2 id="definition">Definition and checkpoint</h2>
${resyncRequestedAt === null ? '' : html`<p>Fulfils the resync that was requested ${showTime(resyncRequestedAt)}.</p>`}
<details><summary>The definition of the view by which its rows were computed</summary><pre>${definition === null ? 'not recorded' : JSON.stringify(definition, null, 2)}</pre></details>
<details><summary>The checkpoint that applying it installs</summary><pre>${JSON.stringify(nextCheckpoint, null, 2)}</pre></details></section>`;
}
