import { z } from 'zod';
import { DataHubError, ERROR_KINDS } from '../errors.ts';
import { asked, trigger, view } from './event-fields.ts';
import { type Operation, operations } from './operation-event.ts';
import { fieldsOf, parse } from './parse-event.ts';

const tick = z
  .strictObject({ trigger: trigger.optional() })
  .transform((event) => ({ command: 'tick' as const, ...event }));

const extract = z
  .strictObject({ view, trigger: trigger.optional() })
  .transform((event) => ({ command: 'extract' as const, ...event }));

export type ExtractEvent = z.output<typeof tick> | z.output<typeof extract> | Operation;

/** Parses an event or a manual call of `extract`. Throws `invalid_event` naming every fault. */
export function parseExtractEvent(payload: unknown): ExtractEvent {
  // zod leaves such a key out without a word.
  if (hasPrototypeKey(payload)) {
    throw new DataHubError('invalid_event', 'the event is not valid: "__proto__" cannot be a name', {
      advice: 'Rename the column in the view, and send its new name.',
    });
  }
  const given = fieldsOf(payload);
  const operation = Object.entries(operations).find(([field]) => given.includes(field));
  const form: z.ZodType<ExtractEvent> = operation?.[1] ?? (given.includes('view') ? extract : tick);
  return parse(form, payload, formsFor(operation?.[0], payload));
}

/** Parses the payload of an operation. Throws `invalid_event` naming every fault, and for what is no operation. */
export function parseOperation(payload: unknown): Operation {
  const event = parseExtractEvent(payload);
  if (event.command !== 'tick' && event.command !== 'extract') return event;
  throw new DataHubError('invalid_event', `the event is no operation: ${event.command}`, {
    advice: EXTRACT_FORMS,
  });
}

/** Who asks for an operation, why, and the name of the request, as far as its payload says so. */
export type Asked = z.output<typeof askedForm>;
const askedForm = z.object(asked);

/** Reads who asks for the operation in a payload that `parseExtractEvent` has accepted. */
export const parseAsked = (payload: unknown): Asked => askedForm.parse(payload);

const hasPrototypeKey = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Object.hasOwn(value, '__proto__') || Object.values(value).some(hasPrototypeKey));

const EXTRACT_FORMS =
  'Send {}, {"view": …}, or {"view": …, "keys": […]}; {"view": …} with "run": true, "pause": true or "reason" (and "until": "time"), "resume": true, "halt": "reason", "redrive": true, "resync": true (and "acceptDeletes": true), "acceptCost": true, "recheck": "time", "loadType": … and "target": …, "purgeDeletedBefore": "time", or "forget": true; {"redrive": [failures]} or {"resolve": [failures]}; {"resolve": kind}, with or without "view", or {"view": …, "resolve": true}; {"status": true}, {"check": true}, {"dryRun": true}, {"reconcile": true}, {"history": true} or {"failures": "open"}, each with or without "view"; {"view": …, "row": key}; {"export": true}; {"logFloor": true}; or {"import": […]}, with "dryRun": true to check it only. An operation also takes "by" and "why".';

const FORMS = {
  import:
    '{"import": […]} with the list of view sources, as in sql/source/view-sources.json, and "dryRun": true to check it only',
  resolve: `{"resolve": [failures]}, {"resolve": kind} with or without "view", or {"view": …, "resolve": true}. The kinds are ${ERROR_KINDS.join(', ')}`,
  reconcile:
    '{"reconcile": true}, with or without "view", and with "mode": "keys" or "since": days, or "repair": true or false. For a dry run, call the function reconcile with {"view": …, "dryRun": true}',
  redrive: '{"redrive": [failures]} or {"view": …, "redrive": true}',
  history:
    '{"history": true}, with or without "view", and with "limit": rows, "state": …, "kind": …, and "before": the "older" of the answer before',
  failures: '{"failures": "open"} or {"failures": "resolved"}, with or without "view" and "kind"',
  row: '{"view": …, "row": "17"}, with "readTarget": true to let BigQuery read a large target',
  pause:
    '{"view": …, "pause": true}, or a reason instead of true, and "until": "2026-01-31T08:00:00Z" if it shall end by itself',
  halt: '{"view": …, "halt": "reason"}',
  resume: '{"view": …, "resume": true}',
  resync:
    '{"view": …, "resync": true}, with "acceptDeletes": true to accept any number of deletes, or {"view": …, "resync": false}',
  recheck: '{"view": …, "recheck": "2026-01-31T08:00:00Z"}',
  loadType: '{"view": …, "loadType": "merge" or "bq-storage-api", "target": …}',
  keys: '{"view": …, "keys": [17, 42]}',
};

/** The form of the command that was meant, or all forms. */
function formsFor(command: string | undefined, payload: unknown): string {
  const isViewSource = Array.isArray(payload) || fieldsOf(payload).includes('target_name');
  const meant = isViewSource ? 'import' : command;
  const form = Object.entries(FORMS).find(([name]) => name === meant)?.[1];
  return form === undefined ? EXTRACT_FORMS : `Send ${form}.`;
}
