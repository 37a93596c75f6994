import { setTimeout as elapse } from 'node:timers/promises';
import type { NextFunction, Request, RequestHandler, Response } from 'express';

/** What the caller gets instead of the answer of its call. */
export type FaultAnswer =
  | { readonly kind: 'status'; readonly status: number | string; readonly reason: string }
  /** A regular answer that contains an error, or with the status OK none; the connection stays open. */
  | { readonly kind: 'refusal'; readonly status: string; readonly reason: string }
  /** The connection breaks. */
  | { readonly kind: 'drop' };

/**
 * One thing that goes wrong with one call. Without `before` the effect happens at once; without `after` the call keeps its own answer.
 * The faults of this file have no state, except those of `hold` and `holdAnswer`.
 */
export interface Fault {
  /** Runs before the effect, and prevents it by throwing a FaultError. */
  readonly before?: () => Promise<void>;
  /** Replaces every answer, once the effect is complete. */
  readonly after?: FaultAnswer;
  /** Runs between the effect and the answer of `after`. */
  readonly beforeAnswer?: () => Promise<void>;
}

export interface Hold extends Fault {
  /** Resolves when a call waits. */
  readonly reached: Promise<void>;
  /** Lets the call continue, and every later call that meets this fault. Safe to repeat. */
  release(): void;
}

/** Tells the server of a call what to answer; the HTTP middleware and the gRPC servers catch it. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
  readonly answer: FaultAnswer;

  constructor(answer: FaultAnswer) {
    super(
      answer.kind === 'drop' ? 'scripted: connection dropped' : `scripted: ${answer.status} ${answer.reason}`,
    );
    this.answer = answer;
  }
}

/** The default reason of each status in Google's JSON errors: https://cloud.google.com/bigquery/docs/error-messages */
const REASONS: ReadonlyMap<string, string> = new Map(
  Object.entries<string>({
    400: 'invalid',
    401: 'authError',
    403: 'forbidden',
    404: 'notFound',
    409: 'conflict',
    412: 'conditionNotMet',
    429: 'rateLimitExceeded',
    500: 'internalError',
    502: 'badGateway',
    503: 'backendError',
  }),
);

/** Nothing happens, and the call fails. `status` is a number for HTTP calls (503) and a name for gRPC calls ('UNAVAILABLE'). */
export const failBefore = (status: number | string, reason?: string): Fault =>
  raiseBefore(statusAnswer(status, reason));

/** The call has its whole effect, and fails all the same. */
export const failAfterEffect = (status: number | string, reason?: string): Fault => ({
  after: statusAnswer(status, reason),
});

/**
 * For calls whose regular answers can contain an error, such as AppendRows: nothing happens, the answer contains this status, and the
 * connection stays usable.
 */
export const refuse = (status: string, reason = status): Fault =>
  raiseBefore({ kind: 'refusal', status, reason });

/**
 * For AppendRows: the rows are acknowledged and go to the table that had this name before, so that nobody sees them. "Deleting or recreating a
 * table can create a period of time where streaming inserts are effectively delivered to the old table":
 * https://cloud.google.com/bigquery/docs/write-api-rest
 */
export const deliverToOldTable = (): Fault => refuse('OK');

/** The connection breaks before anything happens. */
export const dropBefore = (): Fault => raiseBefore({ kind: 'drop' });

/** The call has its whole effect, and the connection breaks before the answer. */
export const dropAfterEffect = (): Fault => ({ after: { kind: 'drop' } });

/** The effect happens this much later. */
export const delay = (milliseconds: number): Fault => ({
  before: () => elapse(milliseconds, undefined, { ref: false }),
});

/** Nothing goes wrong. It takes a place in the queue, so that a later call meets the next fault. */
export const pass = (): Fault => ({});

/** The call waits until it is released, and has its effect only then. */
export function hold(): Hold {
  const arrival = Promise.withResolvers<void>();
  const permission = Promise.withResolvers<void>();
  return {
    reached: arrival.promise,
    release: () => permission.resolve(),
    before: () => {
      arrival.resolve();
      return permission.promise;
    },
  };
}

/** The call has its whole effect; its answer waits until it is released, and is lost then. */
export function holdAnswer(): Hold {
  const { before: beforeAnswer, reached, release } = hold();
  return { ...dropAfterEffect(), ...(beforeAnswer && { beforeAnswer }), reached, release };
}

/** Several faults of one call, in this order: `inOrder(delay(50), failAfterEffect(503))`. The first answer counts. */
export function inOrder(...faults: Fault[]): Fault {
  const answers = faults.flatMap((fault) => fault.after ?? []);
  const [after] = answers;
  return {
    before: async () => {
      for (const fault of faults) await fault.before?.();
    },
    ...(after && { after }),
  };
}

/** How many calls `calls` remembers, so that an emulator can run for days. */
const REMEMBERED_CALLS = 10_000;

/**
 * The script of the faults of an emulator: `faults.next('storage.objects.insert', failAfterEffect(503))`.
 * Each call takes the first fault in the queue of its name, so each fault meets one call.
 */
export class Faults {
  /** The names of the latest calls, failed ones too, in the order of their arrival. */
  readonly calls: string[] = [];
  readonly #queues = new Map<string, Fault[]>();

  /** Adds faults to the queue of a name: the next calls meet one each. */
  next(call: string, ...faults: Fault[]): void {
    const queue = this.#queues.get(call) ?? [];
    queue.push(...faults);
    this.#queues.set(call, queue);
  }

  /** The next call of this name, after those that meet faults already queued, waits until it is released. */
  holdNext(call: string): Hold {
    const held = hold();
    this.next(call, held);
    return held;
  }

  /** Names of calls that have faults left: a test that scripted them in vain can notice. */
  get unused(): string[] {
    return [...this.#queues].filter(([, queue]) => queue.length > 0).map(([call]) => call);
  }

  /** Forgets queued faults and remembered calls. A held call stays held. */
  clear(): void {
    this.calls.length = 0;
    this.#queues.clear();
  }

  /** Records the call and takes its fault from the queue. For servers that apply faults themselves. */
  take(call: string): Fault | undefined {
    this.calls.push(call);
    if (this.calls.length > REMEMBERED_CALLS) this.calls.shift();
    return this.#queues.get(call)?.shift();
  }

  /** Runs the effect of a call under its fault, for servers other than HTTP. @throws FaultError if the fault replaces the answer. */
  async around<T>(call: string, effect: () => T | Promise<T>): Promise<T> {
    const fault = this.take(call);
    await fault?.before?.();
    if (!fault?.after) return await effect();
    try {
      await effect();
    } catch {
      // The script replaces this answer, too.
    }
    await fault.beforeAnswer?.();
    throw new FaultError(fault.after);
  }

  /**
   * An Express middleware for the handlers behind it. Requests without a name pass untouched and unrecorded. `errorBody` makes the body
   * of a failed answer, by default a JSON error of Google.
   */
  middleware(
    nameOf: (request: Request) => string | undefined,
    errorBody: (status: number, reason: string, message: string) => unknown = googleError,
  ): RequestHandler {
    return async (request, response, next) => {
      const call = nameOf(request);
      const fault = call === undefined ? undefined : this.take(call);
      if (!fault) return next();
      try {
        await fault.before?.();
      } catch (error) {
        if (!(error instanceof FaultError)) throw error;
        return answerWith(error.answer, response, errorBody);
      }
      if (!fault.after) return next();
      await runMuted(response, next);
      await fault.beforeAnswer?.();
      answerWith(fault.after, response, errorBody);
    };
  }
}

/** The body of an error in Google's JSON APIs. */
export function googleError(status: number, reason: string, message: string) {
  return { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } };
}

function statusAnswer(
  status: number | string,
  reason = REASONS.get(String(status)) ?? String(status),
): FaultAnswer {
  return { kind: 'status', status, reason };
}

function raiseBefore(answer: FaultAnswer): Fault {
  return { before: () => Promise.reject(new FaultError(answer)) };
}

/** Runs the handlers behind the middleware to their end, without sending their answer. */
async function runMuted(response: Response, next: NextFunction): Promise<void> {
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  const muted = {
    writeHead: () => response,
    flushHeaders: () => undefined,
    write: () => true,
    end: () => {
      resolve();
      return response;
    },
  };
  const original = {
    writeHead: response.writeHead,
    flushHeaders: response.flushHeaders,
    write: response.write,
    end: response.end,
  };
  response.once('close', resolve);
  Object.assign(response, muted);
  next();
  await ended;
  Object.assign(response, original);
  for (const header of response.getHeaderNames()) response.removeHeader(header);
}

function answerWith(
  answer: FaultAnswer,
  response: Response,
  errorBody: (status: number, reason: string, message: string) => unknown,
): void {
  if (answer.kind === 'drop') {
    response.socket?.destroy();
    return;
  }
  const { status, reason } = answer;
  if (typeof status !== 'number') throw new TypeError(`an HTTP call cannot answer the gRPC status ${status}`);
  response.status(status).json(errorBody(status, reason, `scripted fault: ${reason}`));
}
