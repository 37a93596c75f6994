import type { ast } from '@polyglot-sql/sdk';
import { unsupported } from '../error.ts';
import { type FieldShape, storageType, typeName } from '../field.ts';
import { macroCall } from './function-writer.ts';
import { functionNotFound, isOwnFunction, writeFunction } from './functions.ts';
import { FUNCTION_PREFIX } from './normalise.ts';
import { call, type Expression, print, raw, shapeOf } from './syntax-tree.ts';

/** Kinds of expressions with the same text and the same meaning in both languages. */
const SAME: ReadonlySet<string> = new Set(
  `alias and between boolean case coalesce column count cte eq except exists gt gte identifier if_func in
  intersect is_false is_null is_true like lt lte max min neg neq not null null_safe_eq null_safe_neq or
  ordered paren raw select star subquery sum table tuple union var`.split(/\s+/),
);

/**
 * The same expression for DuckDB, whose operands are translated; undefined if it can stay as it is.
 * @throws BigQueryError for an expression that is not known to mean the same: an error is better than a wrong answer.
 */
export function rewriteExpression(node: Expression, now: string): Expression | undefined {
  if ('function' in node) return rewriteCall(node.function, now);
  if ('literal' in node) return rewriteLiteral(node.literal);
  if ('cast' in node) return raw(castTo(print(node.cast.this), shapeOf(node.cast.to)));
  if ('safe_cast' in node) return raw(safeCastTo(print(node.safe_cast.this), shapeOf(node.safe_cast.to)));
  if ('interval' in node) return rewriteInterval(node.interval);
  if ('add' in node) return arithmetic(node.add, '+');
  if ('sub' in node) return arithmetic(node.sub, '-');
  if ('mul' in node) return arithmetic(node.mul, '*');
  if ('div' in node) return call('bq_divide', node.div.left, node.div.right);
  if ('count_if' in node) return raw(`count(*) filter (where ${print(node.count_if.this)})`);
  if ('string_agg' in node) return rewriteStringAgg(node.string_agg);
  if ('bitwise_xor_agg' in node) return rewriteBitXor(node.bitwise_xor_agg);
  if ('array_func' in node) return raw(`[${node.array_func.expressions.map(print).join(', ')}]`);
  if ('array_agg' in node) return rewriteArrayAgg(node.array_agg);
  // An array that is NULL contains nothing: https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#in_operators
  if ('in' in node && node.in.unnest) {
    const contains = `coalesce(list_contains(${print(node.in.unnest)}, ${print(node.in.this)}), false)`;
    return raw(node.in.not ? `(not ${contains})` : contains);
  }
  const [kind = ''] = Object.keys(node);
  const parts: object = Object.values(node)[0] ?? {};
  if ('having_max' in parts && parts.having_max) throw unsupported('HAVING in an aggregate function');
  if (!SAME.has(kind)) throw unsupported(`${kind.toUpperCase()} (${print(node).slice(0, 100)})`);
  return undefined;
}

/** Did this module write the call? */
function isMacro(name: string): boolean {
  return name.startsWith(FUNCTION_PREFIX) && !isOwnFunction(name.slice(FUNCTION_PREFIX.length));
}

function rewriteCall(
  called: ast.ExpressionByKey<'function'>['function'],
  now: string,
): Expression | undefined {
  const name = called.name.toLowerCase();
  if (name === 'struct') return raw(writeFunction('struct', called.args, now));
  if (isMacro(name)) return undefined;
  if (!name.startsWith(FUNCTION_PREFIX)) throw functionNotFound(called.name);
  return raw(writeFunction(name.slice(FUNCTION_PREFIX.length), called.args, now));
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#literals */
function rewriteLiteral(literal: ast.Literal): Expression | undefined {
  switch (literal.literal_type) {
    case 'number':
      // A number with a point is a FLOAT64; DuckDB would make it a decimal.
      return /[.eE]/.test(literal.value) && !/^0x/i.test(literal.value)
        ? raw(`cast('${literal.value}' as double)`)
        : undefined;
    case 'timestamp':
      return raw(`timestamptz '${literal.value}'`);
    case 'datetime':
      return raw(`timestamp '${literal.value}'`);
    case 'string':
      return raw(`'${literal.value.replaceAll("'", "''")}'`);
    case 'date':
    case 'time':
      return undefined;
    default:
      throw unsupported(`a literal of kind ${literal.literal_type}`);
  }
}

function arithmetic({ left, right }: { left: Expression; right: Expression }, operator: string): Expression {
  return raw(`(${wide(left)} ${operator} ${wide(right)})`);
}

/** Integers have 64 bits, DuckDB's literals have 32: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#integer_types */
function wide(operand: Expression): string {
  const text = print(operand);
  return /^\d+$/.test(text) ? `${text}::bigint` : text;
}

/** Types whose casts are macros, because DuckDB's casts round, pad or accept differently. */
const OWN_CASTS = new Set(['STRING', 'INT64', 'BOOL', 'BYTES', 'BIGNUMERIC']);

/** DuckDB's text for CAST: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast */
function castTo(text: string, shape: FieldShape): string {
  const name = typeName(shape);
  return OWN_CASTS.has(name)
    ? macroCall(`bq_${name.toLowerCase()}`, [text])
    : `cast(${text} as ${storageType(shape)})`;
}

/** NULL for what CAST refuses: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#safe_casting */
function safeCastTo(text: string, shape: FieldShape): string {
  const name = typeName(shape);
  if (name === 'STRING') return macroCall('bq_string', [text]);
  if (name === 'BYTES') throw unsupported('SAFE_CAST AS BYTES');
  return OWN_CASTS.has(name)
    ? macroCall(`bq_safe_${name.toLowerCase()}`, [text])
    : `try_cast(${text} as ${storageType(shape)})`;
}

function rewriteInterval({ this: count, unit }: ast.ExpressionByKey<'interval'>['interval']): Expression {
  if (!count || unit?.type !== 'simple') throw unsupported('this form of INTERVAL');
  return raw(`interval (${print(count)}) ${unit.unit.toLowerCase()}`);
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions#array_agg */
function rewriteArrayAgg(node: ast.ExpressionByKey<'array_agg'>['array_agg']): Expression {
  if (node.order_by.length > 0 || node.limit || node.filter) throw unsupported('clauses in ARRAY_AGG');
  const element = print(node.this);
  const filter = node.ignore_nulls ? ` filter (where ${element} is not null)` : '';
  return raw(`list(${node.distinct ? 'distinct ' : ''}${element})${filter}`);
}

/** STRING_AGG ignores NULLs: https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions#string_agg */
function rewriteStringAgg(node: ast.ExpressionByKey<'string_agg'>['string_agg']): Expression {
  if (node.distinct) throw unsupported('DISTINCT in STRING_AGG');
  const element = print(node.this);
  const keys = (node.order_by ?? []).map((key) => `${print(key.this)}${key.desc ? ' desc' : ''}`);
  const order = keys.length > 0 ? ` order by ${keys.join(', ')}` : '';
  const separator = node.separator ? print(node.separator) : "','";
  const limit = node.limit ? `[1:${print(node.limit)}]` : '';
  return raw(
    `array_to_string((list(${element}${order}) filter (where ${element} is not null))${limit}, ${separator})`,
  );
}

/** https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate_functions#bit_xor */
function rewriteBitXor(node: ast.ExpressionByKey<'bitwise_xor_agg'>['bitwise_xor_agg']): Expression {
  if (node.distinct) throw unsupported('DISTINCT in BIT_XOR');
  return call('bit_xor', node.this);
}
