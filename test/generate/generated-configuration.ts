import { z } from 'zod';
import { environment } from '../../shared/config/config.ts';
import { viewSourceEntry } from '../../shared/model/view-source-entry.ts';
import { replaceTable } from './replace-table.ts';

type Row = [name: string, meaning: string, fallback: string, allowed: string];

/**
 * Regenerates the two tables of docs/configuration.md from the schemas of the environment and of a view source. Each table stands
 * between a line `<!-- generated: NAME … -->` and `<!-- end -->`; everything else stays unchanged. Throws if these lines are missing
 * for a table, or if a variable or a field has no description.
 */
export function generatedConfiguration(markdown: string): string {
  const variables = merged(rowsOf(environment.shape, ''));
  const fields = rowsOf(viewSourceEntry.shape, '');
  return [
    { name: 'environment', table: tableOf('variable', variables) },
    { name: 'view source', table: tableOf('field', fields) },
  ].reduce((document, each) => replaceTable('docs/configuration.md', document, each), markdown);
}

/** One row per field. The fields of objects in a list follow the list, as `lookups[].table`. */
function rowsOf(shape: Record<string, z.ZodType>, prefix: string): Row[] {
  return Object.entries(shape).flatMap(([key, schema]) => {
    const name = `${prefix}${key}`;
    const { description, allowed } = schema.meta() ?? {};
    if (description === undefined) throw new Error(`${name} has no description`);
    const type = withoutDefault(schema);
    const objects =
      type instanceof z.ZodArray && type.element instanceof z.ZodObject ? type.element.shape : {};
    return [
      [name, description, fallbackOf(schema), typeof allowed === 'string' ? allowed : allowedBy(type)] as Row,
      ...rowsOf(objects, `${name}[].`),
    ];
  });
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

function tableOf(head: string, rows: Row[]): string {
  return [
    `| ${head} | meaning | default | allowed |`,
    '| --- | --- | --- | --- |',
    ...rows.map(([name, ...rest]) => `| \`${name}\` | ${rest.join(' | ')} |`),
  ].join('\n');
}
