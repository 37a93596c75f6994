import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { viewSourceImport } from '../../../shared/model/view-source-import.ts';
import { plainFault } from './entry-faults.ts';
import { entryField, type FieldName, GROUPS } from './entry-fields.ts';
import { jsonFault } from './json-fault.ts';

/** What stands in the form, by field. A box that is not ticked is left out. */
export type FormValues = Readonly<Partial<Record<FieldName, string>>>;

const FIELDS = GROUPS.flatMap(([, fields]) => fields.map(entryField));

/** An entry as the form shows it. A field that is missing has its default. */
export function formValues(entry: Partial<ViewSourceEntry>): FormValues {
  return Object.fromEntries(
    FIELDS.flatMap(({ name, kind }) => {
      const value = entry[name] ?? viewSourceEntry.shape[name].safeParse(undefined).data;
      if (kind === 'check') return value === true ? [[name, 'yes']] : [];
      if (value === undefined || value === null) return [];
      if (kind === 'lines') return [[name, (value as string[]).join('\n')]];
      return [[name, kind === 'json' ? JSON.stringify(value, null, 2) : String(value)]];
    }),
  );
}

/** What was filled in, right or wrong. */
export const givenValues = (form: Readonly<Record<string, unknown>>): FormValues =>
  Object.fromEntries(
    FIELDS.flatMap(({ name }) => (typeof form[name] === 'string' ? [[name, form[name]]] : [])),
  );

/** The entry that was filled in, or everything that is wrong with it, in words. */
export type ReadEntry = { entry: ViewSourceEntry; problems?: never } | { problems: string[] };

export function readEntry(values: FormValues): ReadEntry {
  const problems: string[] = [];
  const given = Object.fromEntries(
    FIELDS.flatMap(({ name, kind, label }) => {
      const text = values[name]?.trim() ?? '';
      if (kind === 'check') return [[name, text === 'yes']];
      if (text === '') return [];
      if (kind === 'lines') return [[name, linesOf(text)]];
      if (kind === 'number') return [[name, Number.isFinite(Number(text)) ? Number(text) : text]];
      if (kind !== 'json') return [[name, text]];
      const fault = jsonFault(text);
      if (fault === null) return [[name, JSON.parse(text) as unknown]];
      problems.push(`${label} is no JSON. ${fault}`);
      return [];
    }),
  );
  const parsed = viewSourceImport.safeParse([given]);
  if (parsed.success && problems.length === 0) return { entry: parsed.data[0] as ViewSourceEntry };
  const faults = parsed.error?.issues ?? [];
  return {
    problems: [
      ...problems,
      ...faults.map((issue) => {
        const [, field, ...rest] = issue.path;
        const known = FIELDS.find(({ name }) => name === field);
        const inside = rest.map((part) => (typeof part === 'number' ? `${part + 1}` : String(part)));
        const place = known === undefined ? 'The view source' : [known.label, ...inside].join(', ');
        return `${place}: ${plainFault(issue)}.`;
      }),
    ],
  };
}

const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
