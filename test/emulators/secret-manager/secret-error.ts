/** A refusal as Secret Manager words it; `reason` is its gRPC status. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}
