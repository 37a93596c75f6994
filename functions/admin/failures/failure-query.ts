import { z } from 'zod';
import type { FailureFilter } from '../../../shared/control/failure-groups.ts';
import { ERROR_KINDS } from '../../../shared/errors.ts';
import { idField, parseFields, textField } from '../parse-fields.ts';

const group = z.string().regex(/^[0-9a-f]{32}$/, 'is not a group of failures');

const query = z.strictObject({
  status: z.enum(['open', 'resolved']).optional(),
  view: textField(200).optional(),
  kind: z.enum(ERROR_KINDS).optional(),
  /** Only the failures of this group. */
  group: group.optional(),
  /** Of them those with lower ids. */
  below: idField.optional(),
});

/** What the address of the failures asks for. */
export type FailureQuery = z.output<typeof query>;

/** Throws `invalid_event` naming every fault. */
export const parseFailureQuery = (given: Record<string, string>): FailureQuery => parseFields(query, given);

export const filterOf = ({ status, view, kind, group }: FailureQuery): FailureFilter => ({
  isOpen: status !== 'resolved',
  view,
  kind,
  group,
});

/** The address of failures with these fields. */
export function failuresAddress(fields: Partial<FailureQuery>): string {
  const given = Object.entries(fields).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]],
  );
  return given.length === 0 ? '/failures' : `/failures?${new URLSearchParams(given)}`;
}

const asked = {
  csrf: z.string(),
  /** A form that is sent twice has the same. */
  requestId: z.uuid(),
  note: textField(500).default(''),
};

/** The form of one failure, or of the failures of a group that its page showed: `shown` of them, the newest of which is `upTo`. */
const form = z.union([
  z.strictObject({ ...asked, failure: idField }),
  z.strictObject({
    ...asked,
    group,
    upTo: idField,
    view: textField(200).optional(),
    shown: z.coerce.number().int().min(0).max(1_000_000),
  }),
]);

export type FailureForm = z.output<typeof form>;

/** Throws `invalid_event` naming every fault. */
export const parseFailureForm = (given: Record<string, unknown>): FailureForm => parseFields(form, given);
