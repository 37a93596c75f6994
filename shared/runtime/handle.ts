import type { Request, Response } from '@google-cloud/functions-framework';
import { adviceByHand, asDataHubError, DataHubError } from '../errors.ts';
import { type Delivery, decode } from '../events/decode.ts';
import { logOfRequest } from '../log.ts';
import { type Trace, traceOf, traceparentOf } from '../trace.ts';
import { checkedCaller } from './checked-caller.ts';
import { type Dependencies, processDependencies } from './dependencies.ts';
import { printableContext, recordHalt, recordOutcome } from './record-outcome.ts';

/**
 * One request to a function: its name and the event, as the record of a failure keeps them; whether somebody called by hand, so that nobody
 * repeats the request, and who, where that is known; and the id of the message that Pub/Sub delivers.
 */
export type Invocation = {
  functionName: string;
  event: unknown;
  isByHand?: boolean;
  caller?: string | null;
  messageId?: string | null;
};

/** The result of a step whose failure halted the view and is recorded already. */
export type HaltedView = { outcome: 'view halted'; view: string; failure: DataHubError };

/** What a function does with a decoded payload. Its result becomes the JSON answer, unless it is a `HaltedView`. */
export type Step = (payload: unknown, invocation: Invocation, dependencies: Dependencies) => Promise<object>;

/**
 * Makes an HTTP handler of a step: decodes the request, runs the step and answers its result as JSON. `recordOutcome` decides what
 * happens to an event whose step failed. A caller by hand reads the error with its advice.
 */
export function handle(functionName: string, step: Step) {
  return async (request: Request, response: Response): Promise<void> => {
    if (request.method !== 'POST') {
      response.set('Allow', 'POST');
      answerError(response, 405, notPosted(request.method));
      return;
    }
    let delivery: Delivery = UNREAD;
    let dependencies: Dependencies | undefined;
    try {
      delivery = decode(request.body, request.rawBody?.length ?? 0);
      const trace = traceOf(delivery.traceparent, request.headers);
      dependencies = withTrace(await processDependencies(), functionName, trace);
      if (delivery.fault !== null) throw delivery.fault;
      const isByHand = delivery.from === 'manual';
      const caller = isByHand ? checkedCaller((name) => request.headers[name]) : null;
      const { payload: event, messageId } = delivery;
      const invocation = { functionName, event, isByHand, caller, messageId };
      const result = await step(delivery.payload, invocation, dependencies);
      if (!isHaltedView(result)) {
        response.json(result);
        return;
      }
      const error = asAnswered(result.failure, functionName, delivery);
      answerError(response, await recordHalt({ functionName, delivery, error }, dependencies), error);
    } catch (thrown) {
      const error = asAnswered(asDataHubError(thrown), functionName, delivery);
      answerError(response, await recordOutcome({ functionName, delivery, error }, dependencies), error);
    }
  };
}

const UNREAD: Delivery = {
  from: 'manual',
  payload: undefined,
  messageId: null,
  traceparent: null,
  fault: null,
};

function notPosted(method: string): DataHubError {
  return new DataHubError('invalid_event', `a ${method} request does nothing`, {
    advice: 'Send the payload as the body of a POST request.',
  });
}

/** Nobody repeats a call by hand: its failure must not promise that. */
function asAnswered(error: DataHubError, functionName: string, delivery: Delivery): DataHubError {
  if (delivery.from === 'pubsub') return error;
  if (functionName !== 'extract') return error.withAdvice(adviceByHand(error, 'apply'));
  const { payload } = delivery;
  const fields = typeof payload === 'object' && payload !== null ? Object.keys(payload) : [];
  const isOperation = fields.some((field) => field !== 'view' && field !== 'trigger');
  return error.withAdvice(adviceByHand(error, isOperation ? 'operation' : 'extract'));
}

export function isHaltedView(result: object): result is HaltedView {
  return 'failure' in result && result.failure instanceof DataHubError;
}

function answerError(response: Response, status: number, error: DataHubError): void {
  const { kind, message, advice } = error;
  response.status(status).json({ error: { kind, message, advice, ...printableContext(error) } });
}

/** The process's dependencies, with a log and events that carry one trace. */
function withTrace(shared: Dependencies, functionName: string, trace: Trace): Dependencies {
  return {
    ...shared,
    log: logOfRequest(shared.log, functionName, shared.config.projectId, trace),
    events: shared.events.withTrace(traceparentOf(trace)),
  };
}
