import { z } from 'zod';

/** What the rows of a view are computed by. Two equal fingerprints mean the same definition. */
export type ViewFingerprint = {
  /** A hash of the texts of the view and of the views and functions behind it. */
  fingerprint: string;
  /** PostgreSQL's major version, which may write the same definition in another way. */
  serverMajor: number;
};

const stored = z.object({ fingerprint: z.string(), serverMajor: z.int() }).nullable();

/** Reads a definition from its JSON form in the control database. Throws a ZodError if the JSON has another form. */
export const definitionFromJson = (json: unknown): ViewFingerprint | null => stored.parse(json);

/** How the definition of a view differs from the one by which the rows in its target were computed. */
export type DefinitionChange = 'none' | 'server' | 'replaced';

/** A new major version of PostgreSQL may write an equal definition in another way, so a difference means nothing then. */
export function definitionChange(before: ViewFingerprint | null, now: ViewFingerprint): DefinitionChange {
  if (before === null || before.fingerprint === now.fingerprint) return 'none';
  return before.serverMajor === now.serverMajor ? 'replaced' : 'server';
}
