import { setTimeout as elapse } from 'node:timers/promises';
import type { NextFunction, Request, RequestHandler, Response } from 'express';

/** What the caller gets in place of the call's own answer: a status, or a connection that breaks. */
export type FaultAnswer =
  | { readonly kind: 'status'; readonly status: number | string; readonly reason: string }
  /** A regular answer that says no, on a connection that stays. */
  | { readonly kind: 'refusal'; readonly status: string; readonly reason: string }
  | { readonly kind: 'drop' };

/**
 * One thing that goes wrong with one call. A fault without `before` lets the effect happen at once; one without
 * `after` keeps the call's own answer. Faults made by this file hold no state, except the one that `hold` returns.
 */
export interface Fault {
  /** Runs before the effect; throwing a FaultError keeps the effect from happening. */
  readonly before?: () => Promise<void>;
  /** Replaces the answer, whatever it was, once the effect is complete. */
  readonly after?: FaultAnswer;
  /** Runs between the effect and the answer of `after`. */
  readonly beforeAnswer?: () => Promise<void>;
}

export interface Hold extends Fault {
  /** Resolves when a call has arrived and waits. */
  readonly reached: Promise<void>;
  /** Lets the call, and any later one that meets this fault, go on. Safe to repeat. */
  release(): void;
}

/** Thrown to the server that serves the call; the middleware and gRPC servers turn it into an answer. */
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

/** The reasons that Google's JSON errors carry with each status, unless the script names another. */
const REASONS: Readonly<Record<string, string>> = {
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
};

/** `status` is a number for HTTP calls (503) and a name for gRPC calls ('UNAVAILABLE'). */
export const failBefore = (status: number | string, reason?: string): Fault =>
  raiseBefore(statusAnswer(status, reason));

/** The call has its whole effect, and the caller is told that it failed. */
export const failAfterEffect = (status: number | string, reason?: string): Fault => ({
  after: statusAnswer(status, reason),
});

/**
 * For a call whose answers can carry an error, as those of AppendRows: the request is refused with this status in its
 * answer, without any effect, and the connection stays usable.
 */
export const refuse = (status: string): Fault => raiseBefore({ kind: 'refusal', status, reason: status });

/** The connection breaks before anything happened. */
export const dropBefore = (): Fault => raiseBefore({ kind: 'drop' });

/** The call has its whole effect, and the connection breaks before the answer. */
export const dropAfterEffect = (): Fault => ({ after: { kind: 'drop' } });

/** The effect happens this much later. */
export const delay = (milliseconds: number): Fault => ({
  before: () => elapse(milliseconds, undefined, { ref: false }),
});

/** Nothing goes wrong: fills a place in the queue, so that a later call is the one to fail. */
export const pass = (): Fault => ({});

/** The call waits, without any effect, until it is released. */
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

/** The call has its whole effect, and its answer waits until it is released, to be lost then. */
export function holdAnswer(): Hold {
  const { before: beforeAnswer, reached, release } = hold();
  return { ...dropAfterEffect(), ...(beforeAnswer && { beforeAnswer }), reached, release };
}

/** Several faults of the same call, in this order: `inOrder(delay(50), failAfterEffect(503))`. The first answer wins. */
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

/** How many of the latest calls `calls` remembers, so that a stand-in can run for days. */
const REMEMBERED_CALLS = 10_000;

/**
 * The script of what goes wrong in a stand-in, call by call:
 * `faults.next('storage.objects.insert', failAfterEffect(503))`.
 * Each call takes the first fault queued under its name, so faults are used up in order and each only once.
 */
export class Faults {
  /** Names of the latest calls, in the order of their arrival, failed ones included. */
  readonly calls: string[] = [];
  readonly #queues = new Map<string, Fault[]>();

  /** The next calls of this name meet these faults, one each, after those already queued. */
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

  /** Forgets queued faults and remembered calls. A call that is being held stays held. */
  clear(): void {
    this.calls.length = 0;
    this.#queues.clear();
  }

  /** Records the call and takes its fault off the queue, for a server that applies faults in its own way. */
  take(call: string): Fault | undefined {
    this.calls.push(call);
    if (this.calls.length > REMEMBERED_CALLS) this.calls.shift();
    return this.#queues.get(call)?.shift();
  }

  /**
   * Runs the effect of a call under its fault, for servers other than HTTP.
   * Throws FaultError instead of what the effect returned or threw where the script says so.
   */
  async around<T>(call: string, effect: () => T | Promise<T>): Promise<T> {
    const fault = this.take(call);
    await fault?.before?.();
    if (!fault?.after) return await effect();
    try {
      await effect();
    } catch {
      // A failure of its own is an answer too, and the script replaces it.
    }
    await fault.beforeAnswer?.();
    throw new FaultError(fault.after);
  }

  /**
   * An Express middleware for everything behind it. Requests that `nameOf` gives no name pass untouched and unrecorded.
   * `errorBody` shapes the body of a failed answer; Google's JSON error by default.
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

/** The body of an error of Google's JSON APIs. */
export function googleError(status: number, reason: string, message: string) {
  return { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } };
}

function statusAnswer(status: number | string, reason = REASONS[status] ?? String(status)): FaultAnswer {
  return { kind: 'status', status, reason };
}

function raiseBefore(answer: FaultAnswer): Fault {
  return { before: () => Promise.reject(new FaultError(answer)) };
}

/** Runs the handlers behind a middleware to their end, and keeps whatever they answer from the wire. */
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
