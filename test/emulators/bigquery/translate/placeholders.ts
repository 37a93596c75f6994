import type { Bindings, TypedValue } from '../engine.ts';
import { invalidQuery, unsupported } from '../error.ts';
import { type Expression, raw } from './syntax-tree.ts';
import type { TranslationContext } from './translation-context.ts';

/** Puts `$name` in the place of variables and parameters, and remembers which value each stands for. */
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

  /** A variable of the script by its lower-case name; nothing if there is none. */
  variable(name: string): Expression | undefined {
    const value = this.#context.variables.get(name);
    return value && this.#bind(`v_${name}`, value);
  }

  /** A query parameter, by name or by position. @throws BigQueryError if it was not given. */
  parameter(name: string): Expression {
    const value = this.#context.parameters.get(name);
    if (!value) throw invalidQuery(`Query parameter '${name}' not found`);
    return this.#bind(`p_${name}`, value);
  }

  /** What the next `?` stands for. */
  nextPositional(): Expression {
    this.#positional += 1;
    return this.parameter(String(this.#positional));
  }

  /** `@@name` */
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
