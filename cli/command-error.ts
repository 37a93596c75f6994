/** The exit codes that scripts can rely on (docs/operations.md#exit-codes). */
export const EXIT = {
  done: 0,
  failed: 1,
  invalidCommandLine: 2,
  /** The command was done, and what it shows needs attention. */
  needsAttention: 3,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Why a command ends without having done what was asked for: what to print, and the exit code. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
  readonly advice: string | null;
  readonly exitCode: ExitCode;

  constructor(message: string, options: { advice?: string; exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.advice = options.advice ?? null;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** The command line is invalid. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';

  constructor(message: string, advice?: string) {
    super(message, { exitCode: EXIT.invalidCommandLine, ...(advice !== undefined && { advice }) });
  }
}

/** A function answered that it refused or failed; `answer` is its whole answer. */
export class RefusedByFunction extends CommandError {
  override readonly name = 'RefusedByFunction';
  readonly kind: string;
  readonly answer: FailureAnswer;

  constructor(answer: FailureAnswer) {
    super(answer.error.message, { advice: answer.error.advice });
    this.kind = answer.error.kind;
    this.answer = answer;
  }
}

export type FailureAnswer = { error: { kind: string; message: string; advice: string } };
