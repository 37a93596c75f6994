import { z } from 'zod';
import { DataHubError } from '../errors.ts';
import { viewSourceImport } from '../view-source.ts';

const view = z.string().min(1).max(200);
const trigger = z.string().max(40);

/** What `extract` can be asked: an event, or a manual call. */
const extractEvent = z.union([
  z.strictObject({ trigger: trigger.optional() }).transform((event) => ({ ask: 'tick' as const, ...event })),
  z
    .strictObject({ view, trigger: trigger.optional() })
    .transform((event) => ({ ask: 'extract' as const, ...event })),
  z
    .strictObject({ view, keys: z.array(z.union([z.string(), z.number().int()])).min(1) })
    .transform(({ view, keys }) => ({ ask: 'keys' as const, view, keys: keys.map(String) })),
  z
    .strictObject({ view, resume: z.literal(true) })
    .transform(({ view }) => ({ ask: 'resume' as const, view })),
  z
    .strictObject({ check: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ ask: 'check' as const, view })),
  z
    .strictObject({ dryRun: z.literal(true), view: view.optional() })
    .transform(({ view }) => ({ ask: 'dryRun' as const, view })),
  z
    .strictObject({ import: viewSourceImport })
    .transform((event) => ({ ask: 'import' as const, entries: event.import })),
]);

/** A batch that is ready to be applied; rows never travel in events. */
const batchEvent = z.strictObject({
  view,
  etlTransactionId: z
    .string()
    .regex(/^\d{1,19}$/, 'is no ETL transaction number')
    .transform(BigInt),
});

export type ExtractEvent = z.output<typeof extractEvent>;
export type BatchEvent = z.output<typeof batchEvent>;

/** Throws `invalid_event` naming what does not fit. */
export function parseExtractEvent(payload: unknown): ExtractEvent {
  return parse(extractEvent, payload, EXTRACT_FORMS);
}

/** Throws `invalid_event` naming what does not fit. */
export function parseBatchEvent(payload: unknown): BatchEvent {
  return parse(batchEvent, payload, 'It takes {"view": "…", "etlTransactionId": "…"}.');
}

const EXTRACT_FORMS =
  'It takes {}, {"view": …}, {"view": …, "keys": […]}, {"view": …, "resume": true}, {"check": true}, {"dryRun": true} or {"import": […]}.';

function parse<T>(schema: z.ZodType<T>, payload: unknown, advice: string): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw new DataHubError('invalid_event', `the event does not fit: ${describe(parsed.error, payload)}`, {
    advice,
  });
}

/** Of the forms of a union, the one that is asked for by its fields tells what is wrong. */
function describe(error: z.ZodError, payload: unknown): string {
  const given = typeof payload === 'object' && payload !== null ? Object.keys(payload) : [];
  const issues = error.issues.flatMap((issue) => {
    if (issue.code !== 'invalid_union') return [issue];
    const forms = issue.errors.filter((form) => form.length > 0);
    const unknownFields = (form: (typeof forms)[number]) =>
      form.reduce((sum, each) => sum + (each.code === 'unrecognized_keys' ? each.keys.length : 0), 0);
    return forms.toSorted((a, b) => unknownFields(a) - unknownFields(b) || a.length - b.length)[0] ?? [];
  });
  const told = issues.map(
    (issue) => `${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`,
  );
  return `${told.join('; ')}${given.length > 0 ? ` (fields given: ${given.join(', ')})` : ''}`;
}
