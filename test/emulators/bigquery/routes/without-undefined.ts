/** Properties that may be left out, but are never undefined. */
export type Definite<T> = T extends readonly (infer E)[]
  ? Definite<E>[]
  : T extends object
    ? { [K in keyof T]: Definite<Exclude<T[K], undefined>> }
    : T;

/** The same value as JSON would carry it: a property that is undefined is not there. */
export function withoutUndefined<T>(value: T): Definite<T> {
  return JSON.parse(JSON.stringify(value));
}
