import type { ast } from '@polyglot-sql/sdk';
import { fieldName } from './functions.ts';
import { call, type Expression, named, shapeOf } from './syntax-tree.ts';

/**
 * Returns the field names of an array whose text shows that its elements are structs. UNNEST makes a table with these
 * columns from the array.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax#unnest_operator
 */
export function structNames(array: Expression): string[] | undefined {
  if ('array_func' in array) {
    const [first] = array.array_func.expressions;
    return first && isStruct(first) ? first.function.args.map((field) => fieldName(field) ?? '') : undefined;
  }
  if (!('cast' in array)) return undefined;
  const { type, mode, fields } = shapeOf(array.cast.to);
  return type === 'RECORD' && mode === 'REPEATED' ? fields?.map(({ name }) => name) : undefined;
}

/** Gives the structs of an array the field names of the first struct where they have no names. */
export function namedLikeTheFirst(elements: readonly Expression[]): Expression[] {
  const [first] = elements;
  if (!first || !isStruct(first)) return [...elements];
  const names = first.function.args.map(fieldName);
  return elements.map((element) => {
    if (!isStruct(element)) return element;
    const args = element.function.args.map((field, index) => {
      const name = names[index];
      return name === undefined ? field : named('alias' in field ? field.alias.this : field, name);
    });
    return call('struct', ...args);
  });
}

function isStruct(node: Expression): node is ast.ExpressionByKey<'function'> {
  return 'function' in node && node.function.name.toLowerCase() === 'struct';
}
