import type { ast } from '@polyglot-sql/sdk';
import { fieldName } from './functions.ts';
import { call, type Expression, named, shapeOf } from './syntax-tree.ts';

/**
 * The names of the fields of an array's structs, if the text says that its elements are structs. UNNEST of such an array
 * stands for a table with these columns.
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

/** The structs of an array have the field names of the first one, where they have none of their own. */
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
