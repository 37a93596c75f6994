/** A published message, as it is kept on disk and handed to every subscription. */
export interface Message {
  /** A decimal number, higher than the number of any earlier message. */
  readonly messageId: string;
  /** RFC 3339, UTC. */
  readonly publishTime: string;
  /** base64 */
  readonly data: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Seconds and nanoseconds, as protocol buffers write a point in time. */
export function timestamp(rfc3339: string): { seconds: string; nanos: number } {
  const ms = Date.parse(rfc3339);
  return { seconds: String(Math.floor(ms / 1000)), nanos: (ms % 1000) * 1_000_000 };
}
