import { randomUUID } from 'node:crypto';
import type { AuditRequest } from '../control/audit.ts';
import { parseAsked } from '../events/extract-event.ts';
import type { Operation } from '../events/operation-event.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Invocation } from '../runtime/handle.ts';

/** Who asks for an operation, how and why. `requestId` is the same however often the same request arrives. */
export type Requester = Pick<AuditRequest, 'via' | 'by' | 'claimedBy' | 'why' | 'requestId'>;

/**
 * Who asks by a message or a call: the account that calls, as the platform has checked it, and whom the payload names. Nobody checks who sends a
 * message. One that `admin` sends goes on with an entry that names its user.
 */
export function requesterOf(payload: unknown, { isByHand, caller, messageId }: Invocation): Requester {
  const { by, why, requestId } = parseAsked(payload);
  return {
    via: isByHand === true ? 'call' : 'message',
    by: caller ?? null,
    claimedBy: by ?? null,
    why: why ?? null,
    requestId: requestId ?? messageId ?? randomUUID(),
  };
}

/** The operations that never change anything. */
export type Looking = (typeof LOOKING)[number];
const LOOKING = [
  'check',
  'dryRun',
  'dryRunImport',
  'export',
  'failures',
  'history',
  'logFloor',
  'row',
  'status',
] as const;

/** Whether an operation changes something: others need no record. */
export function changesSomething(operation: Operation): boolean {
  if (operation.command === 'forget' || operation.command === 'purge') {
    return operation.confirmation !== undefined;
  }
  return !(LOOKING as readonly string[]).includes(operation.command);
}

/** An operation as the audit keeps it. */
export async function auditRequest(
  operation: Operation,
  requester: Requester,
  { control }: Pick<Dependencies, 'control'>,
): Promise<AuditRequest> {
  const { command: action, ...fields } = operation;
  const { view: _, by: _by, why, reason, ...request } = fields as Record<string, unknown>;
  const given = why ?? reason;
  return {
    ...requester,
    why: typeof given === 'string' ? given : requester.why,
    action,
    views: await viewsOf(operation, control),
    request: JSON.parse(JSON.stringify(request, withText)),
  };
}

const withText = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

/** The views that an operation names, or whose failures it is about. */
async function viewsOf(operation: Operation, { failures }: Dependencies['control']): Promise<string[]> {
  switch (operation.command) {
    case 'import':
      return operation.entries.map(({ name }) => name);
    case 'redriveEvents':
    case 'resolve':
      return await failures.viewsOf({ ids: operation.failures });
    case 'resolveAll':
      return operation.view === undefined
        ? await failures.viewsOf({ kind: operation.kind })
        : [operation.view];
    default:
      return 'view' in operation && operation.view !== undefined ? [operation.view] : [];
  }
}
