import { asDataHubError, type DataHubError, dispositionOf } from '../errors.ts';
import type { Delivery } from '../events/decode.ts';
import { createLog } from '../log.ts';
import type { Dependencies } from './dependencies.ts';
import { publishDeadLetters } from './publish-dead-letters.ts';

/** A request that failed. */
export type FailedRequest = { functionName: string; delivery: Delivery; error: DataHubError };

/**
 * Records a failed request as its error's disposition demands, and returns the HTTP status to answer with. Pub/Sub gets 2xx for
 * everything that it must not deliver again. Without `dependencies` the process could not start: nothing can be recorded, and Pub/Sub
 * must deliver again. Never throws.
 */
export async function recordOutcome(
  failed: FailedRequest,
  dependencies: Dependencies | undefined,
): Promise<number> {
  const { functionName, delivery, error } = failed;
  const log = dependencies?.log ?? createLog();
  const line = lineOf(failed);
  const disposition = dispositionOf(error);
  if (disposition === 'stop') {
    log.info(line, 'superseded');
    return 200;
  }
  if (disposition === 'retry' || dependencies === undefined) {
    if (delivery.from === 'manual') log.warn(line, 'call failed');
    else log.warn(line, 'will retry');
    // A missing right does not come back by itself: an operator must find it without reading logs.
    if (error.kind === 'unauthorized') {
      await dependencies?.control.failures
        .recordOnce({ functionName, error, event: delivery.payload })
        .catch((unrecorded: unknown) => logUnrecorded(failed, unrecorded, dependencies));
    }
    return 503;
  }
  if (delivery.from === 'manual') {
    // The caller has the answer and the payload, so a refused call leaves nothing behind.
    log.error(line, 'call refused');
    return statusOfManualCall(error);
  }
  log.error(line, 'event dead-lettered');
  try {
    await dependencies.control.failures.record({ functionName, error, event: delivery.payload });
  } catch (unrecorded) {
    // Pub/Sub must deliver again what could not be recorded.
    logUnrecorded(failed, unrecorded, dependencies);
    return 503;
  }
  await publishDeadLetters(dependencies);
  return 200;
}

/** Like `recordOutcome`, for a failure that halted its view and was recorded in that same transaction. */
export async function recordHalt(failed: FailedRequest, dependencies: Dependencies): Promise<number> {
  dependencies.log.error(lineOf(failed), 'view halted');
  await publishDeadLetters(dependencies);
  return failed.delivery.from === 'manual' ? statusOfManualCall(failed.error) : 200;
}

/** The context of an error with values that JSON can hold. */
export function printableContext({ context }: DataHubError): Record<string, string> {
  return Object.fromEntries(
    Object.entries(context).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

const statusOfManualCall = ({ kind }: DataHubError): number => (kind === 'bug' ? 500 : 400);

function lineOf({ functionName, delivery, error }: FailedRequest) {
  return {
    function: functionName,
    ...(delivery.messageId !== null && { messageId: delivery.messageId }),
    kind: error.kind,
    error: error.message,
    advice: error.advice,
    ...printableContext(error),
    ...(error.kind === 'bug' && { stack: originalStack(error) }),
  };
}

function logUnrecorded(failed: FailedRequest, unrecorded: unknown, { log }: Dependencies): void {
  log.error({ ...lineOf(failed), unrecorded: asDataHubError(unrecorded).message }, 'failure not recorded');
}

/** Where the error was thrown first, where that is known. Without its message, which is in the line already, or may quote a value. */
export function originalStack(error: DataHubError): string | undefined {
  const { stack } = error.cause instanceof Error ? error.cause : error;
  return stack?.slice(Math.max(0, stack.search(/^ {4}at /m)));
}
