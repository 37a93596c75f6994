import { z } from 'zod';
import { environment } from '../../shared/config/config.ts';
import { entryNotes } from '../../shared/model/entry-notes.ts';
import type { Effect } from '../../shared/model/source-changes.ts';
import { viewSourceEntry } from '../../shared/model/view-source-entry.ts';
import { replaceTable } from './replace-table.ts';

type Row = [name: string, meaning: string, fallback: string, allowed: string];
/** A row of the table of view sources. */
type FieldRow = [...Row, example: string, changes: string];

/**
 * Regenerates the two tables of docs/configuration.md from the schemas of the environment and of a view source. Each table stands
 * between a line `<!-- generated: NAME … -->` and `<!-- end -->`; everything else stays unchanged. Throws if these lines are missing
 * for a table, or if a variable or a field has no description.
 */
export function generatedConfiguration(markdown: string): string {
  const variables = merged(rowsOf(environment.shape, ''));
  const fields = { ...viewSourceEntry.shape, ...entryNotes.shape };
  return [
    { name: 'environment', table: tableOf('variable | meaning | default | allowed', variables) },
    {
      name: 'view source',
      table: tableOf(
        'field | meaning | default | allowed | example | may it change later?',
        fieldRowsOf(fields, ''),
      ),
    },
  ].reduce((document, each) => replaceTable('docs/configuration.md', document, each), markdown);
}

/** One row per field. The fields of objects in a list follow the list, as `lookups[].table`. */
function rowsOf(shape: Shape, prefix: string): Row[] {
  return Object.entries(shape).flatMap(([key, schema]) => [
    rowOf(schema, `${prefix}${key}`),
    ...rowsOf(objectsIn(schema), `${prefix}${key}[].`),
  ]);
}

type Shape = Record<string, z.ZodType>;

/** The same rows with an example and with what a change means. Fields of objects change with their list. */
function fieldRowsOf(shape: Shape, prefix: string): FieldRow[] {
  return Object.entries(shape).flatMap(([key, schema]) => {
    const name = `${prefix}${key}`;
    const [example] = (schema.meta()?.examples ?? []) as unknown[];
    if (example === undefined) throw new Error(`${name} has no example`);
    const changes = prefix === '' ? changesOf(name, schema) : 'as the list';
    const row: FieldRow = [...rowOf(schema, name), `\`${JSON.stringify(example)}\``, changes];
    return [row, ...fieldRowsOf(objectsIn(schema), `${name}[].`)];
  });
}

function rowOf(schema: z.ZodType, name: string): Row {
  const { description, allowed } = schema.meta() ?? {};
  if (description === undefined) throw new Error(`${name} has no description`);
  const type = withoutDefault(schema);
  return [name, description, fallbackOf(schema), typeof allowed === 'string' ? allowed : allowedBy(type)];
}

function objectsIn(schema: z.ZodType): Shape {
  const type = withoutDefault(schema);
  return type instanceof z.ZodArray && type.element instanceof z.ZodObject ? type.element.shape : {};
}

/** What docs/changes.md says of each effect, in a few words. */
const CHANGES: Readonly<Record<Effect, string>> = {
  none: 'yes',
  objects: 'yes; what readers see is made anew',
  resync: 'the view is loaded again',
  rewrite: 'the rows are rewritten once',
  'new target': 'a new target',
  locked: 'no',
};

/** The field's effects, the mildest first, as a cell. */
function changesOf(name: string, schema: z.ZodType): string {
  const effects = schema.meta()?.effects as Effect[] | undefined;
  const [first, ...others] = effects ?? [];
  if (first === undefined) throw new Error(`${name} does not say what its change means`);
  if (first === 'none' && others.length > 0)
    return `yes; for some values ${others.map((each) => CHANGES[each]).join(', or ')}`;
  const text = [first, ...others].map((each) => CHANGES[each]).join(', or ');
  return first === 'none' || first === 'locked' || first === 'objects' ? text : `yes: ${text}`;
}

/** The inner type of an optional or nullable field. */
function withoutDefault(schema: z.ZodType): z.ZodType {
  const isWrapped =
    schema instanceof z.ZodDefault || schema instanceof z.ZodOptional || schema instanceof z.ZodNullable;
  return isWrapped ? withoutDefault(schema.unwrap() as z.ZodType) : schema;
}

function fallbackOf(schema: z.ZodType): string {
  const described = schema.meta()?.default;
  if (typeof described === 'string') return described;
  if (schema instanceof z.ZodOptional) return 'none';
  if (!(schema instanceof z.ZodDefault)) return 'required';
  const value: unknown = schema.def.defaultValue;
  const isNone = value === null || (typeof value === 'object' && Object.keys(value).length === 0);
  return isNone ? 'none' : `\`${value}\``;
}

function allowedBy(type: z.ZodType): string {
  return type instanceof z.ZodEnum ? type.options.map((option) => `\`${option}\``).join(', ') : 'a name';
}

/** Puts variables with the same meaning for both databases into one row. */
function merged(rows: Row[]): Row[] {
  const byMeaning = new Map<string, Row>();
  for (const [name, ...rest] of rows) {
    const key = rest.join('|');
    const [others] = byMeaning.get(key) ?? [];
    byMeaning.set(key, [others === undefined ? name : `${others}\`, \`${name}`, ...rest]);
  }
  return [...byMeaning.values()];
}

function tableOf(heads: string, rows: string[][]): string {
  return [
    `| ${heads} |`,
    `| ${heads
      .split(' | ')
      .map(() => '---')
      .join(' | ')} |`,
    ...rows.map(([name, ...rest]) => `| \`${name}\` | ${rest.join(' | ')} |`),
  ].join('\n');
}
