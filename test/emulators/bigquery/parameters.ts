import type { Session, TypedValue } from './engine.ts';
import { invalid } from './error.ts';
import { type FieldShape, fieldType, literal, storageType, typeName } from './field.ts';
import type { QueryParameter } from './job.ts';

/**
 * The values of a query's parameters, by lower-case name: https://cloud.google.com/bigquery/docs/parameterized-queries
 * @throws BigQueryError invalid, naming the parameter whose value is no value of its type.
 */
export async function readParameters(
  session: Session,
  parameters: readonly QueryParameter[] = [],
): Promise<Map<string, TypedValue>> {
  const values = new Map<string, TypedValue>();
  for (const { name, parameterType, parameterValue } of parameters) {
    const { value, arrayValues } = parameterValue;
    const isArray = parameterType.type === 'ARRAY';
    const type = fieldType(isArray ? (parameterType.arrayType?.type ?? '') : parameterType.type);
    const shape: FieldShape = { type, mode: isArray ? 'REPEATED' : 'NULLABLE' };
    const written = isArray
      ? `[${(arrayValues ?? []).map((element) => scalarText(type, element.value)).join(', ')}]`
      : scalarText(type, value ?? '');
    try {
      values.set(name.toLowerCase(), await session.value(`select cast(${written} as ${storageType(shape)})`));
    } catch {
      throw invalid(
        `Invalid value for query parameter '${name}': ${isArray ? 'an element' : value} is no ${typeName(shape)}`,
      );
    }
  }
  return values;
}

const scalarText = (type: FieldShape['type'], value: string): string =>
  type === 'INTEGER' ? `bq_int64(${literal(value)})` : literal(value);
