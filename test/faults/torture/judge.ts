import { compare, describeFindings } from '../../local/compare/compare.ts';
import {
  type Installation,
  PROJECT_ENTRY,
  pairOfEntry,
  SITE_ENTRY,
  STREAMED_ENTRY,
} from '../../support/installation.ts';
import { CONTENT_TYPE, EVERY_LOG_ROW } from './application.ts';
import { countLostAndRepeated, readSteps } from './captured.ts';

/** Each view with its target, and the content types that it captures: its own and those of its lookups. */
export const TORTURED = [
  { ...pairOfEntry(PROJECT_ENTRY), types: [CONTENT_TYPE.app_project, CONTENT_TYPE.app_company] },
  { ...pairOfEntry(SITE_ENTRY), types: [CONTENT_TYPE.app_site] },
  { ...pairOfEntry(STREAMED_ENTRY), types: [CONTENT_TYPE.app_incident] },
];

export type Verdict = {
  batches: number;
  log_rows: number;
  rows_compared: number;
  /** Committed log rows that no batch or capture read. */
  lost: number;
  /** Log rows that were read more than once, plus duplicate keys in a target. */
  duplicated: number;
  /** Source and target hold the same rows, equal in every column. */
  consistent: boolean;
  /** Readable descriptions of everything that is wrong. */
  findings: string[];
};

/**
 * Checks the end state, after the writers have stopped and the ticks find no more work. `idleLogRows` counts, per view, the log
 * rows that captures read without finding work; the control database does not keep these.
 */
export async function judge(on: Installation, idleLogRows: Map<string, bigint>): Promise<Verdict> {
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
    await judgeLogRows(tortured, on, idleLogRows.get(tortured.view) ?? 0n, verdict);
    await judgeRows(tortured, on, verdict);
  }
  return verdict;
}

type Tortured = (typeof TORTURED)[number];

/** Checks that every committed log row was read exactly once, by an applied batch or by a capture without work. */
async function judgeLogRows(
  { view, types }: Tortured,
  on: Installation,
  idleLogRows: bigint,
  verdict: Verdict,
): Promise<void> {
  const { rows } = await on.control.query(
    `select count(*) filter (where state = 'applied')::int as applied,
       count(*) filter (where state not in ('applied', 'abandoned'))::int as unfinished
     from etl.etl_transaction where view_name = $1`,
    [view],
  );
  const { applied, unfinished } = rows[0];
  const logged = await on.source.database.query(
    `select count(*)::int as rows from ${EVERY_LOG_ROW} where content_type_id = any($1)`,
    [types],
  );
  const { lost, repeated } = countLostAndRepeated(await readSteps(on, view, types), idleLogRows);
  verdict.batches += applied;
  verdict.log_rows += logged.rows[0].rows;
  verdict.lost += Number(lost);
  verdict.duplicated += Number(repeated);
  if (lost > 0n) verdict.findings.push(`${view}: ${lost} log rows were never captured`);
  if (repeated > 0n) verdict.findings.push(`${view}: ${repeated} log rows were captured more than once`);
  if (unfinished > 0) verdict.findings.push(`${view}: ${unfinished} batches are not finished`);
}

/** Compares every column of every row, and looks for duplicate keys in the target, including rows that are marked as deleted. */
async function judgeRows(pair: Tortured, on: Installation, verdict: Verdict): Promise<void> {
  const compared = await compare(pair, on.parts);
  const duplicates = await on.query(
    `select ${pair.keyColumn} from ${pair.target} group by ${pair.keyColumn} having count(*) > 1`,
  );
  verdict.rows_compared += compared.sourceRows;
  verdict.duplicated += duplicates.length;
  verdict.consistent &&= compared.consistent;
  verdict.findings.push(...describeFindings(compared));
  if (duplicates.length > 0) verdict.findings.push(`${pair.target} has ${duplicates.length} duplicate keys`);
}
