/** A refusal in Secret Manager's words; `reason` is its gRPC status: https://cloud.google.com/apis/design/errors */
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
