/** One thing that an operator fills in. */
export type Field = { name: string; label: string; hint?: string } & (
  | { kind: 'text' | 'lines' | 'time'; isRequired: boolean; suggested?: string }
  | { kind: 'number'; min: number; max: number }
  | { kind: 'choice'; choices: readonly (readonly [value: string, label: string])[] }
  | { kind: 'check' }
);

/** What was filled in, by the name of the field. A field that was left empty is left out. */
export type Values = Readonly<Record<string, string>>;

/** What was filled in, and every mistake in it, in words. */
export type ReadFields = { values: Values; problems: string[] };

const MAX_LENGTH = 100_000;

/** Reads the fields of an address or a form. Times become ISO 8601 in UTC. */
export function readFields(fields: readonly Field[], given: Readonly<Record<string, unknown>>): ReadFields {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const field of fields) {
    const text = given[field.name];
    const filled = typeof text === 'string' ? text.trim() : '';
    if (filled === '') {
      if ('isRequired' in field && field.isRequired) problems.push(`${field.label} is missing.`);
      continue;
    }
    const problem = faultOf(field, filled);
    if (problem === null) values[field.name] = field.kind === 'time' ? asIso(filled) : filled;
    else problems.push(`${field.label} ${problem}.`);
  }
  return { values, problems };
}

function faultOf(field: Field, text: string): string | null {
  if (text.includes('\0')) return 'has a character that cannot be stored';
  if (text.length > MAX_LENGTH) return 'is too long';
  switch (field.kind) {
    case 'time':
      return isTime(text) ? null : 'is not a time: write it in UTC, as 2026-01-31T08:00';
    case 'number': {
      const isFit = /^\d{1,9}$/.test(text) && Number(text) >= field.min && Number(text) <= field.max;
      return isFit ? null : `is not a whole number from ${field.min} to ${field.max}`;
    }
    case 'choice':
      return field.choices.some(([value]) => value === text) ? null : 'is none of the choices';
    default:
      return null;
  }
}

const TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)?)?$/;

/** JavaScript takes 30 February for 2 March. */
function isTime(text: string): boolean {
  const day = text.slice(0, 10);
  if (!TIME.test(text) || Number.isNaN(Date.parse(asUtc(text))) || Number.isNaN(Date.parse(day)))
    return false;
  return new Date(day).toISOString().startsWith(day);
}

/** A time without a zone is in UTC. */
const asUtc = (text: string): string => {
  const whole = text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T');
  return /(?:Z|[+-]\d\d:\d\d)$/.test(whole) ? whole : `${whole}Z`;
};

const asIso = (text: string): string => new Date(asUtc(text)).toISOString();

/** What was filled in for a time, as ISO 8601 in UTC; undefined if it is no time. */
export const timeOf = (text: string): string | undefined => (isTime(text) ? asIso(text) : undefined);

/** A time for a notice, which shows it as `timesIn` does. */
export const utcText = (iso: string): string => `${iso.slice(0, 16).replace('T', ' ')} UTC`;
