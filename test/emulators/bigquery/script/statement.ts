import type { Position } from './tokenize.ts';

/** An expression or a query of a script, as written, and its place. */
export interface Fragment {
  readonly text: string;
  readonly at: Position;
}

interface Placed {
  readonly at: Position;
  /** The whole statement as written: the value of `@@error.statement_text`, and the query of its child job. */
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
    | { readonly kind: 'block'; readonly body: readonly Statement[]; readonly handler?: readonly Statement[] }
    | { readonly kind: 'raise'; readonly message?: Fragment }
    | { readonly kind: 'begin' | 'commit' | 'rollback' }
    | { readonly kind: 'call'; readonly procedure: string; readonly arguments: readonly Fragment[] }
    | { readonly kind: 'procedure'; readonly procedure: ProcedureDefinition }
    | { readonly kind: 'sql' }
  );

export type StatementOf<Kind extends Statement['kind']> = Extract<Statement, { readonly kind: Kind }>;

export interface Branch {
  readonly condition: Fragment;
  readonly body: readonly Statement[];
}

export interface ProcedureArgument {
  readonly name: string;
  /** The type in GoogleSQL, as written. */
  readonly type: string;
}

export interface ProcedureDefinition {
  readonly name: string;
  readonly replace: boolean;
  readonly ifNotExists: boolean;
  readonly arguments: readonly ProcedureArgument[];
  /** From BEGIN to END, as written. */
  readonly body: Fragment;
}
