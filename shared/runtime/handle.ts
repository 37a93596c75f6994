import type { Request, Response } from '@google-cloud/functions-framework';
import { asDataHubError, type DataHubError, dispositionOf } from '../errors.ts';
import { type Delivery, decode } from '../events/decode.ts';
import { createLog, logOfRequest } from '../log.ts';
import { type Trace, traceOf, traceparentOf } from '../trace.ts';
import { type Dependencies, processDependencies } from './dependencies.ts';
import { publishPendingDeadLetters } from './publish-dead-letters.ts';

/** One request to a function: its name and what was asked, for the record of a failure. */
export type Invocation = { functionName: string; event: unknown };

export type Step = (payload: unknown, invocation: Invocation, dependencies: Dependencies) => Promise<object>;

/**
 * An HTTP handler around a step: decodes the request, answers the step's result as JSON, and maps an error to what becomes
 * of the event. Pub/Sub is answered 2xx for everything that must not be delivered again; somebody who called by hand reads
 * the error with its advice.
 */
export function handle(functionName: string, step: Step) {
  return async (request: Request, response: Response): Promise<void> => {
    let delivery: Delivery = UNREAD;
    let dependencies: Dependencies | undefined;
    try {
      delivery = decode(request.body, request.rawBody?.length ?? 0);
      const trace = traceOf(delivery.traceparent, request.headers);
      dependencies = withinTrace(await processDependencies(), functionName, trace);
      if (delivery.fault !== null) throw delivery.fault;
      const invocation = { functionName, event: delivery.payload };
      response.json(await step(delivery.payload, invocation, dependencies));
    } catch (thrown) {
      const error = asDataHubError(thrown);
      const status = await settle(functionName, delivery, error, dependencies);
      response.status(status).json({
        error: { kind: error.kind, message: error.message, advice: error.advice, ...printable(error) },
      });
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

/** The process's dependencies, whose log lines and messages are of one trace. */
function withinTrace(shared: Dependencies, functionName: string, trace: Trace): Dependencies {
  return {
    ...shared,
    log: logOfRequest(shared.log, functionName, shared.config.projectId, trace),
    events: shared.events.within(traceparentOf(trace)),
  };
}

/** Records the failure as its kind wants and answers the HTTP status. */
async function settle(
  functionName: string,
  delivery: Delivery,
  error: DataHubError,
  dependencies: Dependencies | undefined,
): Promise<number> {
  const log = dependencies?.log ?? createLog();
  const disposition = dispositionOf(error);
  const line = {
    function: functionName,
    ...(delivery.messageId !== null && { messageId: delivery.messageId }),
    kind: error.kind,
    error: error.message,
    advice: error.advice,
    ...printable(error),
  };
  if (disposition === 'stop') {
    log.info(line, 'superseded');
    return 200;
  }
  if (disposition === 'retry' || dependencies === undefined) {
    log.warn(line, 'will retry');
    // A right that is missing does not come back by itself: an operator must find it without reading logs.
    if (error.kind === 'unauthorized') {
      await dependencies?.control
        .recordFailureOnce({ functionName, error, event: delivery.payload })
        .catch((unrecorded: unknown) =>
          log.error({ ...line, unrecorded: String(unrecorded) }, 'failure not recorded'),
        );
    }
    return 503;
  }
  const isByHand = delivery.from === 'manual';
  const outcome = error.isRecorded ? 'view halted' : isByHand ? 'call refused' : 'event dead-lettered';
  log.error({ ...line, ...(error.kind === 'bug' && { stack: stackOf(error) }) }, outcome);
  // Whoever called by hand has the answer and the payload; a call that was only refused leaves nothing behind.
  const answer = isByHand ? (error.kind === 'bug' ? 500 : 400) : 200;
  if (isByHand && !error.isRecorded) return answer;
  try {
    if (!error.isRecorded) {
      await dependencies.control.recordFailure({ functionName, error, event: delivery.payload });
    }
  } catch (unrecorded) {
    // What cannot be recorded must not be acknowledged: Pub/Sub brings it again.
    log.error({ ...line, unrecorded: asDataHubError(unrecorded).message }, 'failure not recorded');
    return 503;
  }
  await publishPendingDeadLetters(dependencies);
  return answer;
}

/** Of the error that was thrown first, where it is known. */
function stackOf(error: DataHubError): string | undefined {
  return error.cause instanceof Error ? error.cause.stack : error.stack;
}

function printable({ context }: DataHubError): Record<string, string> {
  return Object.fromEntries(
    Object.entries(context).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
