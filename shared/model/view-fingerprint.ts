import { z } from 'zod';

/** What the rows of a view are computed by. Two equal fingerprints mean the same definition. */
export type ViewFingerprint = {
  /** A hash of the texts of the view and of the views and functions behind it. */
  fingerprint: string;
  /**
   * A hash of the columns, types and operators behind them. Null in the records of releases that did not look at these: only what both of
   * two fingerprints have is compared, so that an upgrade loads no view again.
   */
  columns: string | null;
  /** PostgreSQL's major version, which may write the same definition in another way. */
  serverMajor: number;
  /** The settings of the session that the definition obeys, by name. */
  settings: Record<string, string>;
};

/** Under which every view was computed by the releases that recorded no settings. */
const FORMER_SETTINGS = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  lc_monetary: 'C',
  xmloption: 'content',
};

const stored = z
  .object({
    fingerprint: z.string(),
    columns: z.string().nullable().default(null),
    serverMajor: z.int(),
    settings: z.record(z.string(), z.string()).default(FORMER_SETTINGS),
  })
  .nullable();

/** Reads a definition from its JSON form in the control database. Throws a ZodError if the JSON has another form. */
export const definitionFromJson = (json: unknown): ViewFingerprint | null => stored.parse(json);

/** How the definition of a view differs from the one by which the rows in its target were computed. */
export type DefinitionChange = 'none' | 'server' | 'replaced' | 'settings';

/**
 * A new major version of PostgreSQL may write an equal definition in another way. Whether the view was replaced at the same time, nobody can
 * tell then: it counts as replaced.
 */
export function definitionChange(before: ViewFingerprint | null, now: ViewFingerprint): DefinitionChange {
  if (before === null) return 'none';
  if (before.fingerprint !== now.fingerprint || hasOtherColumns(before, now)) return 'replaced';
  if (changedSettings(before, now).length > 0) return 'settings';
  return before.serverMajor === now.serverMajor ? 'none' : 'server';
}

const hasOtherColumns = (before: ViewFingerprint, now: ViewFingerprint): boolean =>
  before.columns !== null && now.columns !== null && before.columns !== now.columns;

/** The settings that both definitions obey and that have changed, such as `DateStyle is ISO, DMY instead of ISO, MDY`. */
export function changedSettings(before: ViewFingerprint, now: ViewFingerprint): string[] {
  const former = new Map(Object.entries(before.settings));
  return Object.entries(now.settings).flatMap(([name, value]) => {
    const was = former.get(name);
    return was === undefined || was === value ? [] : [`${name} is ${value} instead of ${was}`];
  });
}
