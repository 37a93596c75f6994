import type { BigQueryType } from './columns.ts';

/**
 * Whether two values of a type that no hash proves equal are the same: FLOAT64 and JSON, or arrays of them. Both are given as JSON: what the
 * source stages, and what TO_JSON_STRING writes of the target. Null stands for NULL. NaN equals NaN, and -0.0 is not 0.0, as `differsSql` has
 * it. The order of an object's members does not matter.
 */
export function isSameValue(type: BigQueryType, source: string | null, target: string | null): boolean {
  if (source === null || target === null) return source === target;
  return source === target || isSame(parse(source, type), parse(target, type));
}

type Json = null | boolean | string | bigint | number | Json[] | Map<string, Json>;

/**
 * Numbers of JSON stay apart by their kind: an integer is a bigint, as BigQuery keeps INT64 and UINT64. Beyond them it keeps a FLOAT64, which
 * it may write with an exponent.
 */
function parse(text: string, type: BigQueryType): Json {
  const isFloat = type === 'FLOAT64';
  return JSON.parse(text, (_key, value: unknown, { source }: { source?: string }): unknown => {
    if (typeof value === 'number') return isFloat ? value : numberOf(value, source ?? '');
    if (isFloat && typeof value === 'string') return Number(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return value instanceof Map ? value : new Map(Object.entries(value));
  }) as Json;
}

function numberOf(value: number, text: string): number | bigint {
  if (!/^-?\d+$/.test(text)) return value;
  const integer = BigInt(text);
  return integer >= -(2n ** 63n) && integer < 2n ** 64n ? integer : value;
}

function isSame(a: Json, b: Json): boolean {
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((each, i) => isSame(each, b[i] ?? null));
  if (a instanceof Map) {
    return (
      b instanceof Map &&
      a.size === b.size &&
      [...a].every(([name, each]) => b.has(name) && isSame(each, b.get(name) ?? null))
    );
  }
  return Object.is(a, b);
}
