import type { z } from 'zod';
import { DataHubError } from '../errors.ts';

/** Parses an event. Throws `invalid_event` naming every fault, with `advice`. */
export function parse<T>(schema: z.ZodType<T>, payload: unknown, advice: string): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw new DataHubError('invalid_event', `the event is not valid: ${describe(parsed.error, payload)}`, {
    advice,
  });
}

function describe(error: z.ZodError, payload: unknown): string {
  const faults = error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  const given = fieldsOf(payload);
  return `${faults.join('; ')}${given.length > 0 ? ` (fields given: ${given.join(', ')})` : ''}`;
}

/** The names of the fields that were given; none if the payload is no object. */
export function fieldsOf(payload: unknown): string[] {
  return typeof payload === 'object' && payload !== null && !Array.isArray(payload)
    ? Object.keys(payload)
    : [];
}
