/** A type as Google's analyzer takes and returns it (type.proto). */
export interface SqlType {
  readonly typeKind: string;
  readonly arrayType?: { readonly elementType: SqlType };
  readonly structType?: {
    readonly field: readonly { readonly fieldName: string; readonly fieldType: SqlType }[];
  };
}

/** Names of types in GoogleSQL and in the REST interface that the analyzer has other names for. */
const KINDS: ReadonlyMap<string, string> = new Map([
  ['BOOLEAN', 'BOOL'],
  ['FLOAT', 'DOUBLE'],
  ['FLOAT64', 'DOUBLE'],
  ['INTEGER', 'INT64'],
]);

export function scalarType(name: string): SqlType {
  const upper = name.toUpperCase();
  return { typeKind: `TYPE_${KINDS.get(upper) ?? upper}` };
}

export const arrayOf = (elementType: SqlType): SqlType => ({
  typeKind: 'TYPE_ARRAY',
  arrayType: { elementType },
});

/** A struct without names of fields, to which `set (a, b) = …` converts its value. */
export const structOf = (types: readonly SqlType[]): SqlType => ({
  typeKind: 'TYPE_STRUCT',
  structType: { field: types.map((fieldType) => ({ fieldName: '', fieldType })) },
});

export const BOOL = scalarType('BOOL');
export const STRING = scalarType('STRING');
