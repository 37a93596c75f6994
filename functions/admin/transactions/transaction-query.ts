import { z } from 'zod';
import type { ListPlace, PageStart, TransactionFilter } from '../../../shared/control/transaction-list.ts';
import { place } from '../../../shared/events/event-fields.ts';
import { KINDS } from '../../../shared/model/batch.ts';
import { beginOf, dayField, endOf } from '../day-range.ts';
import { parseFields, textField } from '../parse-fields.ts';

export const STATES = [
  'in flight',
  'extracting',
  'staged',
  'applying',
  'applied',
  'failed',
  'abandoned',
] as const;
export const CONSISTENT = ['yes', 'no', 'unknown'] as const;

const query = z
  .strictObject({
    view: textField(200).optional(),
    state: z.enum(STATES).optional(),
    kind: z.enum(KINDS).optional(),
    from: dayField.optional(),
    to: dayField.optional(),
    consistent: z.enum(CONSISTENT).optional(),
    key: textField(1000).optional(),
    older: place.optional(),
    newer: place.optional(),
  })
  .refine(({ older, newer }) => older === undefined || newer === undefined, {
    error: 'a page is older or newer, not both',
  })
  .refine(({ key, view }) => key === undefined || view !== undefined, {
    error: 'choose the view whose key it is',
    path: ['key'],
  });

/** What the address of the list asks for. */
export type TransactionQuery = z.output<typeof query>;

/** Throws `invalid_event` naming every fault. */
export const parseTransactionQuery = (given: Record<string, string>): TransactionQuery =>
  parseFields(query, given);

/** The filters as the control database takes them. */
export function filterOf({ view, state, kind, from, to, consistent }: TransactionQuery): TransactionFilter {
  return {
    view,
    state,
    kind,
    consistent,
    from: from === undefined ? undefined : beginOf(from),
    until: to === undefined ? undefined : endOf(to),
  };
}

export function startOf({ older, newer }: TransactionQuery): PageStart | null {
  if (older !== undefined) return { older };
  return newer === undefined ? null : { newer };
}

/** The filters that an address has, by name. */
export const FILTERS = ['view', 'state', 'kind', 'from', 'to', 'consistent', 'key'] as const;
export type FilterName = (typeof FILTERS)[number];

/** The address of the list with these filters, from a page on. */
export function listAddress(
  { view, state, kind, from, to, consistent, key, older, newer }: Partial<TransactionQuery>,
  path = '/transactions',
): string {
  const fields = { view, state, kind, from, to, consistent, key };
  const given = Object.entries(fields).filter((field): field is [string, string] => field[1] !== undefined);
  if (older !== undefined) given.push(['older', placeText(older)]);
  if (newer !== undefined) given.push(['newer', placeText(newer)]);
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given)}`;
}

const placeText = ({ startedAtMicros, id }: ListPlace): string => `${startedAtMicros}-${id}`;
