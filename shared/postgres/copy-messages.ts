import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type pg from 'pg';

// https://www.postgresql.org/docs/current/protocol-message-formats.html: a byte that says what it is, and the length of the rest.
export const MESSAGE_HEADER_BYTES = 5;
export const COPY_DATA = 'd'.charCodeAt(0);
/** What may come before the end of a COPY: CopyOutResponse, CopyData, ParameterStatus, NoticeResponse, NotificationResponse. */
const BEFORE_END: ReadonlySet<number> = new Set([...'HdSNA'].map((code) => code.charCodeAt(0)));

const NOTHING = Buffer.alloc(0);

type Listener = (chunk: Buffer) => void;

/**
 * A query for `client.query`: one COPY … TO STDOUT, whose messages it yields as the server sends them, in chunks of any size. `TupleReader` takes them apart.
 * pg-copy-streams yields their content alone, for which it copies every row; that is most of what reading a million rows costs.
 */
export class CopyMessages extends Readable implements pg.Submittable {
  readonly #statement: string;
  #socket: Socket | undefined;
  /** Where `pg` reads the messages of other queries. */
  #pg: Listener = () => undefined;
  /** The part of a header whose rest has not arrived. */
  #held: Buffer = NOTHING;
  /** Where the next message begins, counted from what arrives next. */
  #next = 0;
  #isWanted = false;

  constructor(statement: string) {
    super();
    this.#statement = statement;
  }

  submit(connection: pg.Connection): void {
    const socket = connection.stream as Socket;
    const [listener] = socket.listeners('data');
    this.#pg = listener as Listener;
    this.#socket = socket;
    socket.removeListener('data', this.#pg);
    socket.pause();
    socket.on('readable', this.#forward);
    connection.query(this.#statement);
  }

  override _read(): void {
    this.#isWanted = true;
    this.#forward();
  }

  /** From here on methods that `pg` calls for each query. */
  handleError(error: Error): void {
    this.destroy(error);
  }

  handleCommandComplete(): void {}
  handleReadyForQuery(): void {}

  readonly #forward = (): void => {
    while (this.#isWanted && this.#socket !== undefined) {
      const chunk: Buffer | null = this.#socket.read();
      if (chunk === null) return;
      this.#take(chunk);
    }
  };

  #take(chunk: Buffer): void {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    let at = this.#next;
    while (at + MESSAGE_HEADER_BYTES <= bytes.length) {
      const code = bytes[at] as number;
      if (!BEFORE_END.has(code)) {
        this.#end(bytes, at);
        return;
      }
      at += 1 + bytes.readUInt32BE(at + 1);
    }
    const whole = Math.min(at, bytes.length);
    this.#held = bytes.subarray(whole);
    this.#next = at - whole;
    if (whole > 0) this.#isWanted = this.push(bytes.subarray(0, whole));
  }

  /** Lets `pg` read on: the end of the COPY, or the error that ends it, which then comes to `handleError`. */
  #end(bytes: Buffer, at: number): void {
    const socket = this.#socket as Socket;
    this.#socket = undefined;
    this.#held = NOTHING;
    socket.removeListener('readable', this.#forward);
    socket.on('data', this.#pg);
    if (at > 0) this.push(bytes.subarray(0, at));
    const isError = bytes[at] === 'E'.charCodeAt(0);
    if (!isError) this.push(null);
    this.#pg(bytes.subarray(at));
    process.nextTick(() => socket.resume());
  }
}
