import type { TableField } from './columns-match.ts';

/** The policy tags of a target: those that the view source wants, and those that were set for it before. */
export type PolicyTags = {
  wanted: Readonly<Record<string, string>>;
  /** A tag of an earlier configuration is removed; one that somebody else has set stays. */
  applied: Readonly<Record<string, string>>;
};

const LOCATION = /\/locations\/([^/]+)\//;

/** Policy tags that BigQuery cannot set on a view's columns: a sentence for each. */
export function policyTagFaults(
  columns: readonly { name: string }[],
  wanted: PolicyTags['wanted'],
  location: string,
): string[] {
  return Object.entries(wanted).flatMap(([name, tag]) => {
    if (!columns.some((column) => column.name === name)) {
      return [`policy_tags: the view has no column ${name}`];
    }
    const place = LOCATION.exec(tag)?.[1] ?? '';
    if (place.toLowerCase() === location.toLowerCase()) return [];
    return [
      `policy_tags: the tag of column ${name} is in ${place}, but it must be in ${location}, as the target is`,
    ];
  });
}

const tagOf = ({ policyTags }: TableField): string | null => policyTags?.names?.[0] ?? null;

/**
 * The fields of a table with its policy tags, for tables.patch; null if it has them already. A field without `policyTags` keeps its tag, and
 * an empty list removes it: https://cloud.google.com/bigquery/docs/column-level-security#clear_a_policy_tag
 */
export function retagged<T extends TableField>(
  fields: readonly T[],
  { wanted, applied }: PolicyTags,
): T[] | null {
  const wantedTags = new Map(Object.entries(wanted));
  const appliedTags = new Map(Object.entries(applied));
  let isChanged = false;
  const changed = fields.map((field) => {
    const found = tagOf(field);
    const tag = wantedTags.get(field.name) ?? (found === appliedTags.get(field.name) ? null : found);
    if (tag === found) return field;
    isChanged = true;
    return { ...field, policyTags: { names: tag === null ? [] : [tag] } };
  });
  return isChanged ? changed : null;
}
