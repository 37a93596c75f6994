import { randomUUID } from 'node:crypto';
import type { AuditRequest } from '../control/audit.ts';
import { parseAsked } from '../events/extract-event.ts';
import type { Operation } from '../events/operation-event.ts';
import type { Invocation } from '../runtime/handle.ts';

/** Who asks for an operation, how and why. `requestId` is the same however often the same request arrives. */
export type Requester = Pick<AuditRequest, 'via' | 'by' | 'why' | 'requestId'>;

/** Who asks by a message or a call: whom the payload names, else the account that calls. */
export function requesterOf(payload: unknown, { isByHand, caller, messageId }: Invocation): Requester {
  const { by, why, requestId } = parseAsked(payload);
  return {
    via: isByHand === true ? 'call' : 'message',
    by: by ?? caller ?? null,
    why: why ?? null,
    requestId: requestId ?? messageId ?? randomUUID(),
  };
}

/** Whether an operation changes something: others need no record. */
export function changesSomething(operation: Operation): boolean {
  switch (operation.command) {
    case 'status':
    case 'check':
    case 'dryRun':
    case 'dryRunImport':
    case 'logFloor':
      return false;
    case 'forget':
    case 'purge':
      return operation.confirmation !== undefined;
    default:
      return true;
  }
}

/** An operation as the audit keeps it. */
export function auditRequest(operation: Operation, requester: Requester): AuditRequest {
  const { command: action, ...fields } = operation;
  const { view: _, by: _by, why, reason, ...request } = fields as Record<string, unknown>;
  const given = why ?? reason;
  return {
    ...requester,
    why: typeof given === 'string' ? given : requester.why,
    action,
    views: viewsOf(operation),
    request: JSON.parse(JSON.stringify(request, withText)),
  };
}

const withText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

function viewsOf(operation: Operation): string[] {
  if (operation.command === 'import') return operation.entries.map(({ name }) => name);
  return 'view' in operation && operation.view !== undefined ? [operation.view] : [];
}
