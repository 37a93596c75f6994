import type { Value } from './comparable.ts';
import { isSame } from './comparable.ts';
import { isHeld } from './is-held.ts';
import type { TargetColumn } from './read-target.ts';
import { microsecondsSince1970 } from './timestamp-text.ts';

/** What the view source says about columns: where a target may differ from its view (docs/configuration.md#view-sources). */
export interface Rules {
  nullDefaults: Readonly<Record<string, string | number | boolean>>;
  unrepresentable: Readonly<Record<string, 'null' | 'string'>>;
  omittedColumns: readonly string[];
  /** The partition column of a streamed target, whose changes must lie near the present. */
  streamedPartition: string | null;
}

/** The columns that are omitted unless the view source says otherwise. */
export const DEFAULT_RULES: Rules = {
  ...{ nullDefaults: {}, unrepresentable: {}, streamedPartition: null },
  omittedColumns: ['updated_at'],
};

const DAY_MICROSECONDS = 86_400_000_000n;
/** A change of a streamed partition column may be refused outside these, by some days: how old it was when it was streamed is not known. */
const STREAMED = { beforeDays: 3640n, afterDays: 360n };

/** Whether the target holds what the view source makes of the source's value. Throws if the type cannot be compared. */
export function isAsConfigured(
  { name, type, isRepeated }: TargetColumn,
  { source, target }: { source: Value; target: Value },
  rules: Rules,
): boolean {
  // BigQuery has no NULL of arrays.
  if (isRepeated && source === null) return isSame(type, [], target);
  const fallback = own(rules.nullDefaults, name);
  if (source === null && fallback !== undefined)
    return isSame(type, defaultOf(type, String(fallback)), target);
  // A JSON null arrives as NULL.
  if (type === 'JSON' && source === 'null' && target === null) return true;
  const isNothing = isRepeated ? Array.isArray(target) && target.length === 0 : target === null;
  if (own(rules.unrepresentable, name) === 'null' && isNothing) {
    const isRefused =
      !isHeld(type, isRepeated, source) || (rules.streamedPartition === name && isFar(source));
    if (isRefused) return true;
  }
  return isSame(type, source, target);
}

/** A default, which the view source writes as it is staged, as the source writes a value of the type. */
function defaultOf(type: string, text: string): string {
  if (type === 'BYTES') return Buffer.from(text, 'base64').toString('hex');
  return type === 'JSON' ? JSON.stringify(text) : text;
}

function isFar(value: Value): boolean {
  const time = typeof value === 'string' ? microsecondsSince1970(value) : undefined;
  if (time === undefined) return false;
  const days = (time - BigInt(Date.now()) * 1000n) / DAY_MICROSECONDS;
  return days < -STREAMED.beforeDays || days > STREAMED.afterDays;
}

/** A column may have the name of a property that every object inherits. */
const own = <T>(byColumn: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(byColumn, name) ? byColumn[name] : undefined;
