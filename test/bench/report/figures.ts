import { z } from 'zod';
import type { Recorded } from '../record.ts';

const spread = z.object({ median: z.number(), min: z.number(), max: z.number() });

const caseFigures = z.object({
  seconds: spread,
  rows_per_second: z.number(),
  ratio: z.number(),
  busy_seconds: z.number().nullable(),
  cpu_seconds: z.number().nullable(),
  server_cpu_seconds: z.number().nullable(),
  peak_rss_mb: z.number().nullable(),
  limited_by: z.string().nullable(),
});

const compared = z.looseObject({
  rows: z.number().optional(),
  rounds: z.number().optional(),
  cases: z.record(z.string(), caseFigures),
  profile: z.array(z.object({ place: z.string(), share: z.number() })).optional(),
});

export type CaseFigures = z.infer<typeof caseFigures>;
export type Compared = z.infer<typeof compared>;

/** The figures of a record whose bench compares cases. Null for a record of another shape. */
export function comparedIn({ result }: Recorded): Compared | null {
  return compared.safeParse(result).data ?? null;
}

/** The recorded runs of one bench, those of fewer rows first. */
export function recordsOf(records: readonly Recorded[], bench: string): Recorded[] {
  const rowsOf = ({ result }: Recorded) => Number(result.rows ?? 0);
  return records.filter((each) => each.bench === bench).sort((a, b) => rowsOf(a) - rowsOf(b));
}

/** The rate of the first case against the baseline. Null for no record. */
export const ratioOf = (result: Compared | undefined): number | null =>
  Object.values(result?.cases ?? {})[0]?.ratio ?? null;

/** A further figure of a result. Throws if the record has none of this name. */
export function figureOf(result: Compared, name: string): number {
  return z.number().parse(result[name], { error: () => `the record has no ${name}` });
}

/** A case by its name. Throws if the record has none. */
export function caseOf({ cases }: Compared, name: string): CaseFigures {
  const found = cases[name];
  if (found === undefined) throw new Error(`the record has no case "${name}"`);
  return found;
}
