import { compare, describeFindings } from '../../local/compare/compare.ts';
import {
  type Installation,
  PROJECT_ENTRY,
  pairOfEntry,
  SITE_ENTRY,
  STREAMED_ENTRY,
} from '../../support/installation.ts';
import { CONTENT_TYPE, EVERY_LOG_ROW } from './application.ts';
import { readSteps, tallyCarried } from './carried.ts';

/** Where each view goes, and the content types whose log rows it captures: its own and its lookups'. */
export const TORTURED = [
  { ...pairOfEntry(PROJECT_ENTRY), types: [CONTENT_TYPE.app_project, CONTENT_TYPE.app_company] },
  { ...pairOfEntry(SITE_ENTRY), types: [CONTENT_TYPE.app_site] },
  { ...pairOfEntry(STREAMED_ENTRY), types: [CONTENT_TYPE.app_incident] },
];

export type Verdict = {
  batches: number;
  log_rows: number;
  rows_compared: number;
  /** Committed log rows that nothing carried. */
  lost: number;
  /** Log rows that were carried again, and keys that a target has twice. */
  duplicated: number;
  /** Source and target hold the same rows, every column of them. */
  consistent: boolean;
  /** What is wrong, for people. */
  findings: string[];
};

/**
 * Judges what came of it, when nothing writes and the ticks ran dry. `carriedIdly`: the log rows of each view in captures
 * that found nothing to do, which the control database does not keep.
 */
export async function judge(on: Installation, carriedIdly: Map<string, bigint>): Promise<Verdict> {
  const verdict: Verdict = {
    batches: 0,
    log_rows: 0,
    rows_compared: 0,
    lost: 0,
    duplicated: 0,
    consistent: true,
    findings: [],
  };
  for (const tortured of TORTURED) {
    await judgeCarried(tortured, on, carriedIdly.get(tortured.view) ?? 0n, verdict);
    await judgeRows(tortured, on, verdict);
  }
  return verdict;
}

type Tortured = (typeof TORTURED)[number];

/** Every committed log row was carried by one applied batch, or by one capture that found nothing to do. */
async function judgeCarried(
  { view, types }: Tortured,
  on: Installation,
  idly: bigint,
  verdict: Verdict,
): Promise<void> {
  const { rows } = await on.control.query(
    `select count(*) filter (where state = 'applied')::int as applied,
       count(*) filter (where state not in ('applied', 'abandoned'))::int as unsettled
     from etl.etl_transaction where view_name = $1`,
    [view],
  );
  const { applied, unsettled } = rows[0];
  const logged = await on.source.database.query(
    `select count(*)::int as rows from ${EVERY_LOG_ROW} where content_type_id = any($1)`,
    [types],
  );
  const { lost, twice } = tallyCarried(await readSteps(on, view, types), idly);
  verdict.batches += applied;
  verdict.log_rows += logged.rows[0].rows;
  verdict.lost += Number(lost);
  verdict.duplicated += Number(twice);
  if (lost > 0n) verdict.findings.push(`${view}: ${lost} log rows were carried by nothing`);
  if (twice > 0n) verdict.findings.push(`${view}: ${twice} log rows were carried again`);
  if (unsettled > 0) verdict.findings.push(`${view}: ${unsettled} batches are not settled`);
}

/** Every column of every row; no target has a key twice, rows that are marked as deleted included. */
async function judgeRows(pair: Tortured, on: Installation, verdict: Verdict): Promise<void> {
  const compared = await compare(pair, on.parts);
  const twice = await on.query(
    `select ${pair.keyColumn} from ${pair.target} group by ${pair.keyColumn} having count(*) > 1`,
  );
  verdict.rows_compared += compared.sourceRows;
  verdict.duplicated += twice.length;
  verdict.consistent &&= compared.consistent;
  verdict.findings.push(...describeFindings(compared));
  if (twice.length > 0) verdict.findings.push(`${pair.target} has ${twice.length} keys twice`);
}
