/** A request that may not be answered. `message` is for the page; `reason` is for the log, and names no token. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: 401 | 403 | 405 | 413;
  readonly reason: string;

  constructor(status: Refusal['status'], message: string, reason: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}
