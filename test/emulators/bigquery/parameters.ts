import type { Session, TypedValue } from './engine.ts';
import { invalid } from './error.ts';
import { type FieldShape, fieldType, literal, quoted, storageType, typeName } from './field.ts';
import type { ParameterType, ParameterValue, QueryParameter } from './job.ts';

/**
 * Returns the values of a query's parameters, by lower-case name, or by position as `1`, `2` and so on.
 * https://cloud.google.com/bigquery/docs/parameterized-queries
 * @throws BigQueryError invalid, naming the parameter whose value does not fit its type.
 */
export async function readParameters(
  session: Session,
  parameters: readonly QueryParameter[] = [],
): Promise<Map<string, TypedValue>> {
  const values = new Map<string, TypedValue>();
  for (const [index, { name, parameterType, parameterValue }] of parameters.entries()) {
    const key = name ? name.toLowerCase() : String(index + 1);
    const shape = shapeOf(parameterType);
    try {
      values.set(
        key,
        await session.value(
          `select cast(${text(shape, parameterType, parameterValue)} as ${storageType(shape)})`,
        ),
      );
    } catch {
      throw invalid(
        `Invalid value for query parameter '${key}': ${JSON.stringify(parameterValue)} is no ${typeName(shape)}`,
      );
    }
  }
  return values;
}

function shapeOf(type: ParameterType): FieldShape {
  if (type.type === 'ARRAY') {
    if (!type.arrayType) throw invalid('Array parameter without arrayType');
    return { ...shapeOf(type.arrayType), mode: 'REPEATED' };
  }
  const fields = type.structTypes?.map((each) => ({ name: each.name ?? '', ...shapeOf(each.type) }));
  return { type: fieldType(type.type), mode: 'NULLABLE', ...(fields && { fields }) };
}

/** Returns DuckDB's expression for a parameter's value. */
function text(shape: FieldShape, type: ParameterType, value: ParameterValue | undefined): string {
  if (type.arrayType) {
    const element: FieldShape = { ...shape, mode: 'NULLABLE' };
    const elements = value?.arrayValues ?? [];
    const arrayType = type.arrayType;
    return `[${elements.map((each) => text(element, arrayType, each)).join(', ')}]`;
  }
  if (type.structTypes) {
    const fields = type.structTypes.map(({ name = '', type: fieldType }) => {
      return `${quoted(name)} := ${text(shapeOf(fieldType), fieldType, value?.structValues?.[name])}`;
    });
    return `struct_pack(${fields.join(', ')})`;
  }
  if (value?.value === undefined || value.value === null) return `cast(null as ${storageType(shape)})`;
  const written = literal(value.value);
  switch (shape.type) {
    case 'BYTES':
      return `from_base64(${written})`;
    case 'BIGNUMERIC':
      return `bq_bignumeric(${written})`;
    case 'JSON':
      return `json(${written})`;
    case 'INTEGER':
      return `bq_int64(${written})`;
    default:
      return `cast(${written} as ${storageType(shape)})`;
  }
}
