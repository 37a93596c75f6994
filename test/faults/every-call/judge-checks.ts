import { gunzipSync } from 'node:zlib';
import type { Damage } from './check-work.ts';
import type { Prepared } from './situation.ts';
import type { World } from './world.ts';

type CheckRow = {
  id: string;
  mode: string;
  state: string;
  error: string | null;
  missing: number;
  extra: number;
  different: number;
  duplicates: number;
  repaired: number;
  sourceRows: number;
  targetRows: number;
  isConsistent: boolean;
  report: string | null;
  found: (Damage & { class: string | null; isRepaired: boolean })[];
};

/**
 * Returns what is wrong with the checks since the situation began. Together they must have found and repaired each damaged row once, and nothing
 * else. A check that an event begins again after the first one has ended finds nothing.
 */
export async function findFalseChecks(prepared: Prepared): Promise<string[]> {
  const { world, view, damage } = prepared;
  const checks = await readChecks(prepared);
  if (damage === null) return checks.map(({ id }) => `check ${id} was not asked for`);
  if (checks.length === 0) return ['no check was recorded'];
  const faults: string[] = [];
  const [expected, reported] = [describe(damage), describe(checks.flatMap((check) => check.found))];
  if (expected !== reported) faults.push(`the checks report "${reported}" instead of "${expected}"`);
  for (const check of checks) faults.push(...findFalseCounts(check, await world.countRows(view)));
  faults.push(...(await findFalseReports(prepared, checks)));
  const { rows } = await world.control.query(
    `select is_consistent from etl.etl_transaction where view_name = $1 and state = 'applied' order by id desc limit 1`,
    [view.name],
  );
  // Only a full check proves that all is equal.
  const marked = checks.some(({ mode }) => mode === 'full') ? true : null;
  if (rows[0]?.is_consistent !== marked)
    faults.push(`the last batch is marked as consistent: ${rows[0]?.is_consistent}, not ${marked}`);
  return faults;
}

async function readChecks({ world, view, lastCheckIdBefore }: Prepared): Promise<CheckRow[]> {
  const { rows } = await world.control.query(
    `select id::text, mode, state, error, missing::int4, extra::int4, different::int4, duplicates::int4, repaired::int4, report,
       source_rows::int4 as "sourceRows", target_rows::int4 as "targetRows", is_consistent as "isConsistent",
       (select coalesce(json_agg(json_build_object('key', key, 'kind', kind, 'class', class, 'isRepaired', is_repaired)), '[]')
        from etl.consistency_difference where check_id = c.id) as found
     from etl.consistency_check c where view_name = $1 and id > $2 order by c.id`,
    [view.name, lastCheckIdBefore],
  );
  return rows as CheckRow[];
}

/** `rows` is the number of rows of the view: none of its checks misses one. */
function findFalseCounts(check: CheckRow, rows: number): string[] {
  const { id, state, error, found, sourceRows, targetRows } = check;
  if (state !== 'done' || error !== null) return [`check ${id} is ${state}: ${error}`];
  const faults: string[] = [];
  for (const kind of ['missing', 'extra', 'different'] as const) {
    const count = found.filter((each) => each.kind === kind).length;
    if (check[kind] !== count) faults.push(`check ${id} counts ${check[kind]} rows as ${kind}, not ${count}`);
  }
  if (check.duplicates !== 0) faults.push(`check ${id} counts ${check.duplicates} duplicates`);
  if (check.repaired !== found.length || found.some(({ isRepaired }) => !isRepaired))
    faults.push(`check ${id} has repaired ${check.repaired} of ${found.length} rows`);
  if (found.some((each) => each.class === null)) faults.push(`check ${id} does not say why rows differ`);
  if (!check.isConsistent) faults.push(`check ${id} is not consistent`);
  const inTarget = rows - check.missing + check.extra;
  if (sourceRows !== rows || targetRows !== inTarget)
    faults.push(
      `check ${id} has read ${sourceRows} and ${targetRows} rows instead of ${rows} and ${inTarget}`,
    );
  return faults;
}

/**
 * A check that found something has a report. That and those of attempts that failed later are whole: each has all rows that the check found. (An
 * attempt may not replace or delete the report of an earlier one.)
 */
async function findFalseReports({ world, view }: Prepared, checks: readonly CheckRow[]): Promise<string[]> {
  const [files] = await world.bucket.getFiles({ prefix: `reports/${view.name}/` });
  const faults: string[] = [];
  for (const { id, report, found } of checks) {
    const names = files.map(({ name }) => name).filter((name) => name.endsWith(`-${id}.ndjson.gz`));
    const isRight = found.length > 0 ? report !== null && names.includes(report) : names.length === 0;
    if (!isRight) faults.push(`check ${id} has the report ${report}, and there are "${names}"`);
    for (const name of names) {
      const written = describe(await readReport(world, name));
      if (written !== describe(found))
        faults.push(`report ${name} has "${written}" instead of "${describe(found)}"`);
    }
  }
  return faults;
}

/** Throws an error if the report is not whole. */
async function readReport({ bucket }: World, name: string): Promise<Damage[]> {
  const [content] = await bucket.file(name).download();
  const lines = gunzipSync(content).toString('utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Damage);
}

/** `7 extra, 12 different` */
const describe = (rows: readonly Damage[]): string =>
  rows
    .map(({ key, kind }) => `${key} ${kind}`)
    .sort()
    .join(', ');
