import { z } from 'zod';
import type { AuditEntry, AuditFilter } from '../../../shared/control/audit.ts';
import type { Operation } from '../../../shared/events/operation-event.ts';
import { beginOf, dayField, endOf } from '../day-range.ts';
import { idField, parseFields, textField } from '../parse-fields.ts';

type Looking = 'status' | 'check' | 'dryRun' | 'dryRunImport' | 'logFloor';

/** What the audit records, by command, as operators call it. */
export const AUDITED: Record<Exclude<Operation['command'], Looking>, string> = {
  acceptCost: 'Accept the cost',
  forget: 'Forget',
  halt: 'Halt',
  import: 'Import view sources',
  keys: 'Backfill keys',
  loadType: 'Change load type',
  pause: 'Pause',
  purge: 'Purge',
  recheck: 'Recheck',
  reconcile: 'Reconcile or repair',
  redriveEvents: 'Redrive events',
  redriveView: 'Redrive',
  resolve: 'Resolve failures',
  resolveAll: 'Resolve all failures',
  resume: 'Resume',
  resync: 'Resync',
  run: 'Run now',
};

/** The name of what was asked for; an action of a later release is called as it is stored. */
export function nameOf({ action, repairs }: Pick<AuditEntry, 'action' | 'repairs'>): string {
  if (action === 'reconcile') return repairs ? 'Repair' : 'Reconcile';
  return Object.hasOwn(AUDITED, action) ? AUDITED[action as keyof typeof AUDITED] : action;
}

const schema = z.object({
  view: textField(200).optional(),
  action: textField(40).optional(),
  by: textField(200).optional(),
  from: dayField.optional(),
  to: dayField.optional(),
  before: idField.optional(),
});

/** The filters of the list, and after which entry it begins. The last day is included. */
export type AuditQuery = z.output<typeof schema>;

/** Throws `invalid_event` naming every fault. */
export const parseAuditQuery = (given: Record<string, unknown>): AuditQuery => parseFields(schema, given);

/** The address of the list with these filters. */
export function auditAddress(query: AuditQuery): string {
  const filled = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) filled.set(name, String(value));
  return filled.size === 0 ? '/audit' : `/audit?${filled}`;
}

/** The filters as the control database takes them. */
export function filterOf({ from, to, ...filters }: AuditQuery): AuditFilter {
  const filled = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined));
  return {
    ...filled,
    ...(from !== undefined && { from: beginOf(from).toISOString() }),
    ...(to !== undefined && { to: endOf(to).toISOString() }),
  };
}
