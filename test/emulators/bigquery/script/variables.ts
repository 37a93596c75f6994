import type { TypedValue } from '../engine.ts';
import { invalidQuery } from '../error.ts';

/**
 * The variables of a script or of one procedure call. Names ignore case, and an inner block cannot declare a name again.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#begin
 */
export class Variables {
  readonly #values = new Map<string, TypedValue>();

  get values(): ReadonlyMap<string, TypedValue> {
    return this.#values;
  }

  declare(name: string, value: TypedValue): void {
    const key = name.toLowerCase();
    if (this.#values.has(key)) throw invalidQuery(`Re-declaration of variable "${name}" is not allowed`);
    this.#values.set(key, value);
  }

  get(name: string): TypedValue {
    const value = this.#values.get(name.toLowerCase());
    if (!value) throw invalidQuery(`Undeclared variable: ${name}`);
    return value;
  }

  /** Sets a variable; the value must already have its type. */
  set(name: string, value: TypedValue): void {
    this.get(name);
    this.#values.set(name.toLowerCase(), value);
  }

  /** Ends a block: forgets the variables that are not in `names`, the names before the block. */
  leave(names: ReadonlySet<string>): void {
    for (const name of this.#values.keys()) if (!names.has(name)) this.#values.delete(name);
  }
}
