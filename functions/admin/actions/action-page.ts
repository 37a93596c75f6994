import { randomUUID } from 'node:crypto';
import type { DataHubError } from '../../../shared/errors.ts';
import { viewState } from '../../../shared/operations/view-state.ts';
import { CSRF_FIELD } from '../access/csrf.ts';
import type { AdminContext } from '../request.ts';
import { badge } from '../ui/badge.ts';
import { type Html, html } from '../ui/html.ts';
import { page } from '../ui/layout.ts';
import { facts } from '../ui/section.ts';
import { timeInput } from '../ui/time-input.ts';
import { type Action, isPossible, type Preview, type Subject } from './action.ts';
import { type Field, timeOf, type Values } from './field.ts';

/** What the page of an action shows. `preview` is null until the operator has filled in what it needs. */
export type ActionPage = {
  action: Action;
  subject: Subject;
  /** As they were filled in, right or wrong. */
  given: Values;
  preview: Preview | null;
  problems?: readonly string[];
  failure?: Pick<DataHubError, 'message' | 'advice'>;
};

/** Answers the page that explains an action and asks for its confirmation. */
export async function answerAction(
  c: AdminContext,
  shown: ActionPage,
  status: 200 | 400 | 409 | 503 = 200,
): Promise<Response> {
  const { action, subject, preview } = shown;
  const view = subject.source.name;
  const { word, tone } = viewState(subject.status, subject.dependencies.config.lagWarningSeconds);
  c.status(status);
  return await page(c, {
    title: `${action.title} ${view}`,
    main: html`<article class="action"><p class="note"><a href="/">Overview</a> › <a href="/views/${encodeURIComponent(view)}">${view}</a></p>
<h1>${action.title} <span class="subject">${view}</span></h1>
<p>${action.about} The view is ${badge(tone, word)}.</p>
${problemList(shown)}
${action.input.length > 0 ? inputForm(c, shown) : ''}
${preview === null ? '' : previewSection(c, shown, preview)}</article>`,
  });
}

function problemList({ problems = [], failure }: ActionPage): Html | '' {
  if (failure !== undefined) {
    return html`<div class="alert bad" role="alert"><p><strong>It was not done.</strong> ${failure.message}</p><p>${failure.advice}</p></div>`;
  }
  if (problems.length === 0) return '';
  return html`<div class="alert bad" role="alert"><p><strong>Nothing was done.</strong></p><ul>${problems.map((each) => html`<li>${each}</li>`)}</ul></div>`;
}

/** Long input does not fit into an address. */
const isLong = ({ input }: Action): boolean => input.some(({ kind }) => kind === 'lines');

function inputForm(c: AdminContext, { action, given, preview }: ActionPage): Html {
  const again = preview === null ? 'Show what will happen' : 'Show again';
  const fields = action.input.map((field) => fieldOf(field, given[field.name]));
  const token = html`<input type="hidden" name="${CSRF_FIELD}" value="${c.get('csrfToken')}">`;
  return isLong(action)
    ? html`<form class="fields" method="post">${token}<input type="hidden" name="step" value="preview">${fields}<button>${again}</button></form>`
    : html`<form class="fields" method="get">${fields}<button>${again}</button></form>`;
}

function previewSection(c: AdminContext, shown: ActionPage, preview: Preview): Html {
  const { sentences, counts = [], refused, unknown } = preview;
  return html`<section aria-labelledby="what"><h2 id="what">What will happen</h2>
${refused === undefined ? '' : html`<div class="alert"><p><strong>This cannot be done now.</strong> ${refused}</p></div>`}
${unknown === undefined ? '' : unknownNote(unknown)}
${sentences.length === 0 ? '' : html`<ul>${sentences.map((each) => html`<li>${each}</li>`)}</ul>`}
${counts.length === 0 ? '' : facts(counts)}
</section>${isPossible(preview) ? confirmForm(c, shown) : ''}`;
}

const unknownNote = ({ error, isNeeded }: NonNullable<Preview['unknown']>): Html =>
  html`<div class="alert"><p><strong>The preview could not be made.</strong> ${error.message}</p><p>${error.advice}</p>
<p>${isNeeded ? 'This action needs what does not answer: try again when it does.' : 'You can do it nevertheless: it takes effect when this is mended.'}</p></div>`;

function confirmForm(c: AdminContext, { action, subject, given }: ActionPage): Html {
  const view = subject.source.name;
  const hidden = [
    [CSRF_FIELD, c.get('csrfToken')],
    ['requestId', randomUUID()],
    ...action.input.flatMap(({ name }) => (given[name] === undefined ? [] : [[name, given[name]]])),
  ];
  const reason = html`<label>Why${action.isTyped ? '' : ' (optional)'}
<input name="why" maxlength="500" value="${given.why ?? ''}" autocomplete="off"${action.isTyped ? html` required` : ''}></label>`;
  const typed = action.isTyped
    ? html`<label>Type ${view} to confirm <input name="confirm" value="" autocomplete="off" spellcheck="false" required></label>`
    : '';
  return html`<section aria-labelledby="confirm"><h2 id="confirm">Confirm</h2>
<form class="fields" method="post">${hidden.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
${(action.options?.(subject) ?? []).map((field) => fieldOf(field, given[field.name]))}
${reason}${typed}
<div class="row"><button class="main${action.isTyped ? ' danger' : ''}">${action.button}</button><a href="/views/${encodeURIComponent(view)}">Cancel</a></div></form></section>`;
}

function fieldOf(field: Field, value: string | undefined): Html {
  const { name, label } = field;
  const hint = field.hint === undefined ? '' : html`<span class="note">${field.hint}</span>`;
  switch (field.kind) {
    case 'check':
      return html`<label class="check"><input type="checkbox" name="${name}" value="yes"${value === undefined ? '' : html` checked`}> ${label}</label>`;
    case 'choice':
      return html`<label>${label} <select name="${name}">${field.choices.map(
        ([choice, text]) =>
          html`<option value="${choice}"${choice === value ? html` selected` : ''}>${text}</option>`,
      )}</select>${hint}</label>`;
    case 'lines':
      return html`<label>${label} <textarea name="${name}" rows="6"${required(field)}>
${value ?? ''}</textarea>${hint}</label>`;
    case 'number':
      return html`<label>${label} <input type="number" name="${name}" min="${field.min}" max="${field.max}" value="${value ?? ''}">${hint}</label>`;
    case 'time':
      return html`<label>${timeInput(label, { name, time: value === undefined ? undefined : timeOf(value), isRequired: field.isRequired })}${hint}</label>`;
    case 'text':
      return html`<label>${label} <input name="${name}" value="${value ?? ''}" autocomplete="off" spellcheck="false"${required(field)}>${hint}</label>`;
  }
}

const required = ({ isRequired }: { isRequired: boolean }): Html | '' => (isRequired ? html` required` : '');
