import type { AuditRequest } from '../control/audit.ts';
import { asDataHubError, DataHubError } from '../errors.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { isHaltedView } from '../runtime/handle.ts';

/**
 * Does what somebody asks for, and records who asked before, and what became of it after. A request that was done is answered from the record. A
 * process that dies in between leaves an entry that has not ended. Throws `superseded` for a form that was sent already and is being worked on,
 * and what `run` throws.
 */
export async function audited<Result extends { outcome: string }>(
  request: AuditRequest,
  { control, log }: Pick<Dependencies, 'control' | 'log'>,
  run: () => Promise<Result>,
): Promise<Result> {
  const { action, views, via } = request;
  const begun = await control.audit.begin(request, { isRedelivered: via === 'message' });
  if (begun.state === 'done') return begun.result as Result;
  if (begun.state === 'running') throw requestSent(begun.id);
  const { id } = begun;
  const note = async (write: Promise<void>) =>
    await write.catch((unrecorded: unknown) =>
      log.warn({ audit: String(id), action, views, error: asDataHubError(unrecorded).message }, NOT_ENDED),
    );
  try {
    const result = await run();
    await note(
      isHaltedView(result) ? control.audit.fail(id, result.failure) : control.audit.finish(id, result),
    );
    return result;
  } catch (thrown) {
    await note(control.audit.fail(id, asDataHubError(thrown)));
    throw thrown;
  }
}

/** The error of a request that was sent twice, while the first is worked on. */
export const requestSent = (id: bigint): DataHubError =>
  new DataHubError('superseded', `this request was sent already (audit entry ${id})`, {
    context: { code: REQUEST_SENT },
    advice: 'Look at its entry in the audit. If it has not ended after some minutes, ask again.',
  });

/** The code of that error. */
export const REQUEST_SENT = 'request_sent';

/** What was done is done: a missing note must not say that it failed. */
const NOT_ENDED = 'audit entry not ended';
