import type { Position } from './tokenize.ts';

/** An SQL expression or query inside a script, as written, with its position. */
export interface Fragment {
  readonly text: string;
  readonly at: Position;
}

interface Placed {
  readonly at: Position;
  /** The whole statement as written, for `@@error.statement_text` and the query of its child job. */
  readonly text: string;
}

export type Statement = Placed &
  (
    | {
        readonly kind: 'declare';
        readonly names: readonly string[];
        readonly type?: string;
        readonly initial?: Fragment;
      }
    | {
        readonly kind: 'set';
        readonly targets: readonly string[];
        readonly value: Fragment;
        readonly tuple: boolean;
      }
    | { readonly kind: 'if'; readonly branches: readonly Branch[]; readonly otherwise: readonly Statement[] }
    | { readonly kind: 'while'; readonly condition: Fragment; readonly body: readonly Statement[] }
    | { readonly kind: 'loop'; readonly body: readonly Statement[] }
    | { readonly kind: 'break' | 'continue' | 'return' }
    | { readonly kind: 'block'; readonly body: readonly Statement[]; readonly handler?: readonly Statement[] }
    | { readonly kind: 'raise'; readonly message?: Fragment }
    | { readonly kind: 'assert'; readonly condition: Fragment; readonly message?: Fragment }
    | { readonly kind: 'begin' | 'commit' | 'rollback' }
    | { readonly kind: 'call'; readonly procedure: string; readonly arguments: readonly Fragment[] }
    | {
        readonly kind: 'execute';
        readonly sql: Fragment;
        readonly into: readonly string[];
        readonly using: readonly Using[];
      }
    | { readonly kind: 'procedure'; readonly procedure: ProcedureDefinition }
    | { readonly kind: 'sql' }
  );

export type StatementOf<Kind extends Statement['kind']> = Extract<Statement, { readonly kind: Kind }>;

export interface Branch {
  readonly condition: Fragment;
  readonly body: readonly Statement[];
}

export interface Using {
  readonly name?: string;
  readonly value: Fragment;
}

export interface ProcedureArgument {
  readonly name: string;
  readonly mode: 'IN' | 'OUT' | 'INOUT';
  /** The GoogleSQL type as written. */
  readonly type: string;
}

export interface ProcedureDefinition {
  readonly name: string;
  readonly replace: boolean;
  readonly ifNotExists: boolean;
  readonly arguments: readonly ProcedureArgument[];
  /** The text inside the parentheses of OPTIONS; empty without OPTIONS. */
  readonly options: string;
  /** The text from BEGIN to END, as written. */
  readonly body: Fragment;
}
