import type { Bindings, TypedValue } from '../engine.ts';
import { invalidQuery, unsupported } from '../error.ts';
import { type Expression, raw } from './syntax-tree.ts';
import type { TranslationContext } from './translation-context.ts';

/** Replaces variables and parameters by `$name`, and keeps the value of each. */
export class Placeholders {
  readonly #context: TranslationContext;
  readonly #bindings: Record<string, TypedValue> = {};
  #positional = 0;

  constructor(context: TranslationContext) {
    this.#context = context;
  }

  get bindings(): Bindings {
    return this.#bindings;
  }

  /** Returns the placeholder of a script variable by its lower-case name; undefined if it does not exist. */
  variable(name: string): Expression | undefined {
    const value = this.#context.variables.get(name);
    return value && this.#bind(`v_${name}`, value);
  }

  /** Returns the placeholder of a query parameter, by name or position. @throws BigQueryError if it has no value. */
  parameter(name: string): Expression {
    const value = this.#context.parameters.get(name);
    if (!value) throw invalidQuery(`Query parameter '${name}' not found`);
    return this.#bind(`p_${name}`, value);
  }

  /** Returns the placeholder of the next `?`. */
  nextPositional(): Expression {
    this.#positional += 1;
    return this.parameter(String(this.#positional));
  }

  /** Returns the placeholder of `@@name`: https://cloud.google.com/bigquery/docs/reference/system-variables */
  systemVariable(name: string): Expression {
    const value = this.#context.system.get(name.toLowerCase());
    if (!value) throw unsupported(`the system variable @@${name}`);
    return this.#bind(`s_${name.replaceAll('.', '_')}`, value);
  }

  #bind(placeholder: string, value: TypedValue): Expression {
    this.#bindings[placeholder] = value;
    return raw(`cast($${placeholder} as ${value.type})`);
  }
}
