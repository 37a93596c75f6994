import type { TypedValue } from '../engine.ts';
import { invalidQuery } from '../error.ts';

/**
 * The variables of a script or of one call of a procedure. The case of names does not count, and a block cannot declare a name again.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language#declare
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

  /** The value must have the type of the variable. */
  set(name: string, value: TypedValue): void {
    this.get(name);
    this.#values.set(name.toLowerCase(), value);
  }

  /** Forgets all other variables than these, at the end of a block. */
  leave(names: ReadonlySet<string>): void {
    for (const name of this.#values.keys()) if (!names.has(name)) this.#values.delete(name);
  }
}
