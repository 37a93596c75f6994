import type { ast } from '@polyglot-sql/sdk';
import { invalidQuery, unsupported } from '../error.ts';
import { type FieldShape, storageType, typeName } from '../field.ts';
import { isOwnFunction, writeFunction } from './functions.ts';
import { FUNCTION_PREFIX } from './normalise.ts';
import { call, type Expression, print, raw, shapeOf } from './syntax-tree.ts';

/** Kinds of expressions that have the same form and meaning in both languages. */
const SAME: ReadonlySet<string> = new Set(
  `alias and any_value approx_count_distinct array_func avg between bitwise_and bitwise_and_agg
  bitwise_not bitwise_or bitwise_or_agg bitwise_xor_agg boolean case coalesce column concat count cte
  dense_rank dot eq except exists first_value gt gte identifier if_func intersect is_false is_null
  is_true lag last_value lead like lt lte max min n_tile neg neq not null null_safe_eq null_safe_neq
  or ordered over paren rank raw row_number select star subquery sum table tuple union var window
  window_function within_group`.split(/\s+/),
);

/**
 * Translates an expression, whose operands are already translated, for DuckDB; undefined if it needs no change.
 * @throws BigQueryError for an expression that may mean something else in DuckDB.
 */
export function rewriteExpression(node: Expression, now: string): Expression | undefined {
  if ('function' in node) return rewriteCall(node.function, now);
  if ('aggregate_function' in node) return rewriteAggregate(node.aggregate_function);
  if ('literal' in node) return rewriteLiteral(node.literal);
  if ('cast' in node) return raw(castTo(print(node.cast.this), shapeOf(node.cast.to)));
  if ('safe_cast' in node) return raw(safeCastTo(print(node.safe_cast.this), shapeOf(node.safe_cast.to)));
  if ('interval' in node) return rewriteInterval(node.interval);
  if ('parse_json' in node) return call('bq_parse_json', node.parse_json.this);
  if ('add' in node) return arithmetic(node.add, '+');
  if ('sub' in node) return arithmetic(node.sub, '-');
  if ('mul' in node) return arithmetic(node.mul, '*');
  if ('div' in node) return call('bq_divide', node.div.left, node.div.right);
  if ('bitwise_xor' in node) return call('xor', node.bitwise_xor.left, node.bitwise_xor.right);
  if ('count_if' in node) return raw(`count(*) filter (where ${print(node.count_if.this)})`);
  if ('logical_or' in node) return call('bool_or', node.logical_or.this);
  if ('logical_and' in node) return call('bool_and', node.logical_and.this);
  if ('string_agg' in node) return rewriteStringAgg(node.string_agg);
  if ('array_agg' in node) return rewriteArrayAgg(node.array_agg);
  if ('subscript' in node) return rewriteSubscript(node.subscript);
  if ('in' in node) return rewriteIn(node.in);
  if ('extract' in node) return rewriteExtract(node.extract);
  if ('struct' in node) return rewriteTuple(node.struct);
  const [kind = ''] = Object.keys(node);
  const parts: object = Object.values(node)[0] ?? {};
  if ('having_max' in parts && parts.having_max) throw unsupported('HAVING in an aggregate function');
  if (!SAME.has(kind)) throw unsupported(`${kind.toUpperCase()} (${print(node).slice(0, 100)})`);
  return undefined;
}

/** ARRAY of a query, and array positions, which rewriteSubscript handles. */
const LEFT_ALONE = new Set(['array', 'offset', 'ordinal', 'safe_offset', 'safe_ordinal']);

/** Whether this module created the call. */
function isMacro(name: string): boolean {
  return name.startsWith(FUNCTION_PREFIX) && !isOwnFunction(name.slice(FUNCTION_PREFIX.length));
}

function rewriteCall(
  called: ast.ExpressionByKey<'function'>['function'],
  now: string,
): Expression | undefined {
  const name = called.name.toLowerCase();
  if (name === 'struct') return raw(writeFunction('struct', called.args, now));
  if (LEFT_ALONE.has(name) || isMacro(name)) return undefined;
  const safe = name.startsWith('safe.');
  const prefixed = safe ? name.slice('safe.'.length) : name;
  if (!prefixed.startsWith(FUNCTION_PREFIX)) {
    throw invalidQuery(
      `Function not found: ${called.name.toUpperCase()} (or the BigQuery stand-in does not have it)`,
    );
  }
  const text = writeFunction(prefixed.slice(FUNCTION_PREFIX.length), called.args, now);
  return raw(safe ? `try(${text})` : text);
}

const AGGREGATES: Readonly<Record<string, string>> = { max_by: 'arg_max', min_by: 'arg_min' };

function rewriteAggregate(
  called: ast.ExpressionByKey<'aggregate_function'>['aggregate_function'],
): Expression {
  const name = AGGREGATES[called.name.toLowerCase()];
  if (!name) throw unsupported(`the aggregate function ${called.name}`);
  return call(name, ...called.args);
}

function rewriteLiteral(literal: ast.Literal): Expression | undefined {
  switch (literal.literal_type) {
    case 'number':
      // A number with a point is a FLOAT64, not a decimal.
      // https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#floating_point_literals
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

/**
 * Whole numbers have 64 bits; DuckDB's literals have 32.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#integer_types
 */
function wide(operand: Expression): string {
  const text = print(operand);
  return /^\d+$/.test(text) ? `${text}::bigint` : text;
}

/** Types whose casts are macros, because DuckDB rounds, pads or accepts values differently. */
const OWN_CASTS = new Set(['STRING', 'INT64', 'BOOL', 'BYTES', 'BIGNUMERIC']);

/**
 * Returns DuckDB's text for CAST with GoogleSQL's rules.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_functions#cast
 */
function castTo(text: string, shape: FieldShape): string {
  const name = typeName(shape);
  return OWN_CASTS.has(name) ? `bq_${name.toLowerCase()}(${text})` : `cast(${text} as ${storageType(shape)})`;
}

function safeCastTo(text: string, shape: FieldShape): string {
  const name = typeName(shape);
  return OWN_CASTS.has(name)
    ? `bq_safe_${name.toLowerCase()}(${text})`
    : `try_cast(${text} as ${storageType(shape)})`;
}

function rewriteInterval({ this: count, unit }: ast.ExpressionByKey<'interval'>['interval']): Expression {
  if (!count || unit?.type !== 'simple') throw unsupported('this form of INTERVAL');
  return raw(`interval (${print(count)}) ${unit.unit.toLowerCase()}`);
}

function ordering(order: readonly ast.Ordered[] | null): string {
  if (!order || order.length === 0) return '';
  const keys = order.map(({ this: key, desc, nulls_first: first }) => {
    const nulls = first === null || first === undefined ? '' : first ? ' nulls first' : ' nulls last';
    return `${print(key)}${desc ? ' desc' : ''}${nulls}`;
  });
  return ` order by ${keys.join(', ')}`;
}

/**
 * Builds a list with GoogleSQL's modifiers; some of DuckDB's aggregates lack them.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/aggregate-function-calls
 */
function list(
  element: string,
  distinct: boolean,
  order: readonly ast.Ordered[] | null,
  limit: Expression | null | undefined,
  nulls: boolean,
): string {
  const all = `list(${distinct ? 'distinct ' : ''}${element}${ordering(order)})${nulls ? '' : ` filter (where ${element} is not null)`}`;
  return limit ? `${all}[1:${print(limit)}]` : all;
}

function rewriteStringAgg(node: ast.ExpressionByKey<'string_agg'>['string_agg']): Expression {
  const separator = node.separator ? print(node.separator) : "','";
  const strings = list(print(node.this), node.distinct, node.order_by, node.limit, false);
  return raw(`array_to_string(${strings}, ${separator})`);
}

function rewriteArrayAgg(node: ast.ExpressionByKey<'array_agg'>['array_agg']): Expression {
  return raw(list(print(node.this), node.distinct, node.order_by, node.limit, node.ignore_nulls !== true));
}

/**
 * A position beyond the end of an array is an error, unless it is SAFE_OFFSET or SAFE_ORDINAL.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/operators#array_subscript_operator
 */
function rewriteSubscript({ this: array, index }: { this: Expression; index: Expression }): Expression {
  const list = print(array);
  if (!('function' in index)) return raw(`${list}[${print(index)} + 1]`);
  const position = index.function.args.map(print).join(', ');
  const name = index.function.name.toLowerCase();
  const ordinal = name.endsWith('ordinal') ? `(${position})` : `(${position}) + 1`;
  if (name.startsWith('safe_')) return raw(`${list}[${ordinal}]`);
  return raw(
    `case when ${ordinal} between 1 and len(${list}) then ${list}[${ordinal}] else error('Array index out of bounds') end`,
  );
}

function rewriteIn(node: ast.ExpressionByKey<'in'>['in']): Expression | undefined {
  if (!node.unnest) return undefined;
  const found = `coalesce(list_contains(${print(node.unnest)}, ${print(node.this)}), false)`;
  const value = `case when ${print(node.this)} is not null then ${found} end`;
  return raw(node.not ? `(not ${value})` : `(${value})`);
}

function rewriteExtract(node: ast.ExpressionByKey<'extract'>['extract']): Expression | undefined {
  const field = String(node.field).toUpperCase();
  const value = print(node.this);
  if (field === 'DATE') return raw(`cast(${value} as date)`);
  if (field === 'TIME') return raw(`cast(${value} as time)`);
  if (field === 'DAYOFWEEK') return raw(`(extract(dayofweek from ${value}) + 1)`);
  if (field === 'MICROSECOND') return raw(`(extract(microsecond from ${value}) % 1000000)`);
  if (field === 'MILLISECOND') return raw(`(extract(millisecond from ${value}) % 1000)`);
  if (/^(YEAR|QUARTER|MONTH|DAY|HOUR|MINUTE|SECOND|DAYOFYEAR)$/.test(field)) return undefined;
  throw unsupported(`EXTRACT of ${field}`);
}

function rewriteTuple(node: ast.ExpressionByKey<'struct'>['struct']): Expression {
  return raw(`row(${node.fields.map(([, value]) => print(value)).join(', ')})`);
}
