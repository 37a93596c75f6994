import type { TypedValue } from '../engine.ts';
import { invalidQuery } from '../error.ts';

/** The variables of a script or of one call of a procedure. Names do not depend on case and are never hidden by a block. */
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

  /** The value has the variable's type already. */
  set(name: string, value: TypedValue): void {
    this.get(name);
    this.#values.set(name.toLowerCase(), value);
  }

  /** Forgets what was declared since `names` was taken: the block is over. */
  leave(names: ReadonlySet<string>): void {
    for (const name of this.#values.keys()) if (!names.has(name)) this.#values.delete(name);
  }
}
