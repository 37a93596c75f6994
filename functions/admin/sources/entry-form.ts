import { randomUUID } from 'node:crypto';
import { CSRF_FIELD } from '../access/csrf.ts';
import { actionPath } from '../attention.ts';
import type { AdminContext } from '../request.ts';
import { type Html, html } from '../ui/html.ts';
import { inlineMarkdown } from '../ui/inline-markdown.ts';
import { type EntryField, entryField, type FieldName, GROUPS } from './entry-fields.ts';
import type { FormValues } from './entry-form-values.ts';

/** What the source offers for some fields. */
export type Offers = Readonly<
  Record<'columns' | 'tables' | 'keys' | 'appLabels' | 'models', readonly string[]>
>;

export type EntryForm = {
  /** Where the form is sent to. */
  address: string;
  values: FormValues;
  seen: string;
  why: string;
  offers: Offers;
  /** Whether the entry is stored, so that its name stays; and whether its view has batches, which lock more. */
  stored: { view: string; isFed: boolean } | null;
};

/** Names of `datalist` elements. */
const LISTS: Partial<Record<FieldName, keyof Offers>> = {
  main_table: 'tables',
  app_label: 'appLabels',
  model: 'models',
  key_column: 'keys',
  partition_column: 'columns',
  report_column: 'columns',
};

/** Fields that cannot change once the view has batches: another value would merge other rows over its target. */
const LOCKED: readonly FieldName[] = ['load_type', 'key_column', 'target_name'];

export function entryForm(c: AdminContext, form: EntryForm): Html {
  const { address, offers, seen, why } = form;
  const hidden = Object.entries({ [CSRF_FIELD]: c.get('csrfToken'), requestId: randomUUID(), seen });
  return html`<form class="fields" method="post" action="${address}">${hidden.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}
${Object.entries(offers).map(([id, names]) => html`<datalist id="${id}">${names.map((name) => html`<option value="${name}">`)}</datalist>`)}
${GROUPS.map(([title, fields]) => html`<fieldset><legend>${title}</legend>${fields.map((name) => fieldOf(entryField(name), form))}</fieldset>`)}
<label>Why (optional) <input name="why" maxlength="500" value="${why}" autocomplete="off"></label>
<div class="row"><button name="step" value="check">Check</button><button class="main" name="step" value="save">Save</button><a href="/sources">Cancel</a></div></form>`;
}

function fieldOf(field: EntryField, form: EntryForm): Html {
  const { name, label, kind, description, allowed, isRequired } = field;
  const { stored, values } = form;
  const value = values[name] ?? '';
  const isLocked = stored !== null && (name === 'name' || (stored.isFed && LOCKED.includes(name)));
  const lock = isLocked ? html`<span class="note">${lockNote(name, stored.view)}</span>` : '';
  const help = html`<span class="note" id="${name}-help">${inlineMarkdown(description)}${allowed === undefined ? '' : html` Allowed: ${inlineMarkdown(allowed)}.`}</span>${lock}`;
  const about = html`name="${name}" aria-describedby="${name}-help"`;
  const required = isRequired ? html` required` : '';
  if (kind === 'check') {
    return html`<div><label class="check"><input type="checkbox" ${about} value="yes"${value === 'yes' ? html` checked` : ''}> ${label}</label>${help}</div>`;
  }
  if (isLocked) return labelled(label, html`<input ${about} value="${value}" readonly>`, help);
  if (kind === 'choice') {
    const options = field.choices.map(
      (choice) =>
        html`<option value="${choice}"${choice === value ? html` selected` : ''}>${choice === '' ? 'none' : choice}</option>`,
    );
    return labelled(label, html`<select ${about}>${options}</select>`, help);
  }
  if (kind === 'lines' || kind === 'json') {
    const rows = Math.min(Math.max(value.split('\n').length, 2), 16);
    const more = kind === 'lines' ? ' (one a line)' : ' (JSON)';
    return labelled(
      `${label}${more}`,
      html`<textarea ${about} rows="${rows}" spellcheck="false">
${value}</textarea>`,
      help,
    );
  }
  const list = LISTS[name];
  const offered = list === undefined ? '' : html` list="${list}"`;
  const mode = kind === 'number' ? html` inputmode="decimal"` : '';
  return labelled(
    label,
    html`<input ${about} value="${value}" autocomplete="off" spellcheck="false"${offered}${mode}${required}>`,
    help,
  );
}

const labelled = (label: string, control: Html, help: Html): Html =>
  html`<div><label>${label} ${control}</label>${help}</div>`;

function lockNote(name: FieldName, view: string): Html {
  if (name === 'name') return html`The name stays: another name is another view source.`;
  if (name === 'load_type') {
    return html`Locked, since the view has batches: another way of loading would lose rows of its target. <a href="${actionPath(view, 'load-type')}">Change the load type</a> loads the view into a new target.`;
  }
  return html`Locked, since the view has batches. To change it, <a href="${actionPath(view, 'forget')}">forget the view</a> and create it again with another target.`;
}
