import { z } from 'zod';
import { type ViewSourceEntry, viewSourceEntry } from '../../../shared/model/view-source-entry.ts';

/** The fields that a form shows: an import looks the id of the content type up. */
export type FieldName = Exclude<keyof ViewSourceEntry, 'content_type_id'>;

/** How a field is filled in: `lines` is a list of texts, one a line. */
type Kind = 'text' | 'lines' | 'number' | 'choice' | 'check' | 'json';

const KINDS: Record<FieldName, Kind> = {
  name: 'text',
  target_name: 'text',
  main_table: 'text',
  app_label: 'text',
  model: 'text',
  child_models: 'json',
  load_type: 'choice',
  enabled: 'check',
  key_column: 'text',
  lookups: 'json',
  tracked_columns: 'lines',
  skip_untracked: 'check',
  ignored_dependencies: 'lines',
  partition_column: 'text',
  partition_granularity: 'choice',
  cluster_columns: 'lines',
  report_column: 'text',
  omitted_columns: 'json',
  foreign_keys: 'json',
  policy_tags: 'json',
  datetime_columns: 'lines',
  null_defaults: 'json',
  unrepresentable: 'json',
  null_arrays: 'json',
  view_changes: 'choice',
  column_changes: 'choice',
  recheck_seconds: 'number',
  max_deleted_share: 'number',
  daily_budget_bytes: 'number',
  max_check_bytes: 'number',
  auto_repair: 'check',
  max_repaired_share: 'number',
};

/** The fields by what they are about, in the order of the form. A test wants each in one group. */
export const GROUPS: readonly (readonly [title: string, fields: readonly FieldName[]])[] = [
  ['What', ['name', 'main_table', 'app_label', 'model', 'child_models', 'enabled']],
  ['Key and lookups', ['key_column', 'lookups', 'ignored_dependencies', 'tracked_columns', 'skip_untracked']],
  [
    'Destination',
    [
      'target_name',
      'load_type',
      'partition_column',
      'partition_granularity',
      'cluster_columns',
      'report_column',
      'omitted_columns',
      'foreign_keys',
      'policy_tags',
    ],
  ],
  [
    'Policies',
    [
      'datetime_columns',
      'null_defaults',
      'unrepresentable',
      'null_arrays',
      'view_changes',
      'column_changes',
      'auto_repair',
    ],
  ],
  [
    'Limits',
    ['recheck_seconds', 'max_deleted_share', 'max_repaired_share', 'max_check_bytes', 'daily_budget_bytes'],
  ],
];

/** A field of the form. Its texts are those of the schema, as in docs/configuration.md. */
export type EntryField = {
  name: FieldName;
  label: string;
  kind: Kind;
  isRequired: boolean;
  description: string;
  allowed: string | undefined;
  choices: readonly string[];
};

export function entryField(name: FieldName): EntryField {
  const schema: z.ZodType = viewSourceEntry.shape[name];
  const { description = '', allowed } = schema.meta() ?? {};
  const words = name.replaceAll('_', ' ');
  return {
    name,
    label: `${words.charAt(0).toUpperCase()}${words.slice(1)}`,
    kind: KINDS[name],
    isRequired: !schema.safeParse(undefined).success,
    description,
    allowed: typeof allowed === 'string' && KINDS[name] !== 'check' ? allowed : undefined,
    choices: choicesOf(schema),
  };
}

function choicesOf(schema: unknown): string[] {
  if (schema instanceof z.ZodEnum) return schema.options.map(String);
  if (schema instanceof z.ZodDefault) return choicesOf(schema.unwrap());
  return schema instanceof z.ZodNullable ? ['', ...choicesOf(schema.unwrap())] : [];
}
