import { asDataHubError } from '../errors.ts';
import { parseOperation } from '../events/extract-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { requestSent } from './audited.ts';
import { auditRequest, type Requester } from './requester.ts';

/** An operation that `extract` runs: who asks stands in its message, whose entry in the audit `extract` ends. */
export async function requestOperation(
  payload: Readonly<Record<string, unknown>>,
  { control, events }: Pick<Dependencies, 'control' | 'events'>,
  requester: Requester,
): Promise<{ outcome: 'requested' }> {
  const request = await auditRequest(parseOperation(payload), requester, { control });
  const begun = await control.audit.begin(request, { isRedelivered: false });
  if (begun.state === 'running') throw requestSent(begun.id);
  if (begun.state === 'done') return { outcome: 'requested' };
  const { by, why, requestId } = requester;
  const asked = { ...(by !== null && { by }), ...(why !== null && { why }), requestId };
  await events.requestOperation({ ...payload, ...asked }).catch(async (thrown: unknown) => {
    await control.audit.fail(begun.id, asDataHubError(thrown));
    throw thrown;
  });
  return { outcome: 'requested' };
}
