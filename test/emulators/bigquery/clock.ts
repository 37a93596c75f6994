/**
 * The time of one emulator, in microseconds since 1970. Each reading is later than every reading before it, so that a reading and a change of
 * rows always have an order: the system's clock alone has the same millisecond for both.
 */
export class Clock {
  #last = 0;

  now(): number {
    this.#last = Math.max(Date.now() * 1000, this.#last + 1);
    return this.#last;
  }

  /** The milliseconds of a beginning: every later reading is after them. */
  startMs(): number {
    return Math.floor(this.now() / 1000);
  }

  /** The milliseconds of an end: no earlier reading is after them, and every later one is. */
  endMs(): number {
    const milliseconds = Math.ceil(this.now() / 1000);
    this.#last = milliseconds * 1000;
    return milliseconds;
  }
}

/** A time of the clock in a form that DuckDB reads: 2026-01-01T00:00:00.123456Z */
export function isoTime(microseconds: number): string {
  const milliseconds = Math.floor(microseconds / 1000);
  const rest = String(microseconds % 1000).padStart(3, '0');
  return new Date(milliseconds).toISOString().replace('Z', `${rest}Z`);
}
