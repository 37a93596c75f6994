/** The same type with properties that may be absent, but are never undefined. */
export type Definite<T> = T extends readonly (infer E)[]
  ? Definite<E>[]
  : T extends object
    ? { [K in keyof T]: Definite<Exclude<T[K], undefined>> }
    : T;

/** The same value without its undefined properties. */
export function withoutUndefined<T>(value: T): Definite<T> {
  return JSON.parse(JSON.stringify(value));
}
