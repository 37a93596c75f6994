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
    const shape: FieldShape = { type: fieldType(parameterType.type), mode: 'NULLABLE' };
    const written = literal(parameterValue.value);
    const text = shape.type === 'INTEGER' ? `bq_int64(${written})` : written;
    try {
      values.set(name.toLowerCase(), await session.value(`select cast(${text} as ${storageType(shape)})`));
    } catch {
      throw invalid(
        `Invalid value for query parameter '${name}': ${parameterValue.value} is no ${typeName(shape)}`,
      );
    }
  }
  return values;
}
