import { isCovered } from '../../shared/model/checkpoint.ts';
import type { DifferenceClass, Explanation } from '../../shared/model/consistency.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { tablesOfColumns } from '../../shared/source/column-tables.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { type LogMention, readLogMentions } from '../../shared/source/log-mentions.ts';
import { inSnapshot } from '../../shared/source/snapshot.ts';
import { describeComparison } from './compared.ts';
import type { LeasedCheck } from './leased-check.ts';
import type { DifferentRow, KeyedLook } from './look-at-keys.ts';
import { type RowHistory, readHistory } from './row-history.ts';

export type ExplainedRow = DifferentRow & { why: Explanation };

/** So many rows are explained one by one. */
export const MAX_EXPLAINED = 1000;

/**
 * Finds out why rows differ (docs/operations.md#why-rows-differ): a few queries for all of them together. Those beyond MAX_EXPLAINED, and those of
 * which a side has several, stay unexplained.
 */
export async function explain(
  leased: LeasedCheck,
  { rows, moment, isRedefined }: KeyedLook,
  dependencies: Dependencies,
): Promise<ExplainedRow[]> {
  if (isRedefined) return rows.map((row) => because(row, 'view definition changed'));
  const chosen = rows.filter(({ kind }) => kind !== 'duplicate').slice(0, MAX_EXPLAINED);
  if (chosen.length === 0) return rows.map((row) => because(row, 'unexplained'));
  const keys = chosen.map(({ key }) => key);
  const { compared, mentions, tables } = await inSnapshot(dependencies.source, async (client) => {
    const described = await describeComparison(client, leased, 1, dependencies);
    const { view } = described;
    const { changeLogTable } = dependencies.config;
    const columns = new Set(chosen.flatMap((row) => row.columns));
    return {
      compared: described,
      mentions: await readLogMentions(client, view, changeLogTable, moment.checkpoint, keys),
      tables: await tablesOfColumns(client, view.name, columns),
    };
  });
  const history = await readHistory(leased, compared, chosen, moment, dependencies);
  const byKey = Map.groupBy(mentions, ({ key }) => key);
  return rows.map((row) => {
    const known = history.get(row.key);
    if (known === undefined) return because(row, 'unexplained');
    return explainRow(row, {
      view: compared.view,
      tables,
      history: known,
      mentions: byKey.get(row.key) ?? [],
    });
  });
}

/** What is known of a row that differs. */
type Evidence = {
  view: Pick<SourceView, 'logged'>;
  /** The tables that the columns of the view come from. */
  tables: ReadonlyMap<string, number | null>;
  history: RowHistory;
  mentions: readonly LogMention[];
};

/** The first of these classes that the evidence proves. */
function explainRow(row: DifferentRow, evidence: Evidence): ExplainedRow {
  const { history, mentions } = evidence;
  const found = (name: DifferenceClass, ids: readonly bigint[]) =>
    because(row, name, ids, history.etlTransactionId);
  const named = mentions.flatMap((mention) => mention.named);
  if (history.isChanged === true) return found('changed in BigQuery', named);
  // What the batch that carried the row had seen was no reason any more.
  const isLater = (id: bigint): boolean => history.carried === null || !isCovered(history.carried, id);
  const ignored = mentions.flatMap((mention) => mention.ignored).filter(isLater);
  if (ignored.length > 0) return found('log row ignored', ignored);
  const lookup = lookupChange(row, evidence, isLater);
  if (lookup !== null) return found('lookup changed', lookup);
  const isEachCovered = mentions.every((mention) => mention.isCovered);
  // A row that the target never had was carried by the last complete batch, unless a later log row names it.
  const isCarried = row.kind !== 'missing' || !named.some(isLater) || history.etlTransactionId !== null;
  const isBypassed = history.isChanged === false && isEachCovered && isCarried;
  return found(isBypassed ? 'bypassed the log' : 'unexplained', named);
}

/**
 * The log rows of the lookups from which the differing columns come; none if a column comes from a table that is no lookup, so that nobody follows
 * its changes. Null if the difference does not come from a lookup.
 */
function lookupChange(
  { columns }: DifferentRow,
  { view, tables, mentions }: Evidence,
  isLater: (id: bigint) => boolean,
): bigint[] | null {
  const [main, ...lookups] = view.logged;
  const origins = columns.flatMap((column) => tables.get(column) ?? []);
  if (origins.length === 0 || origins.some((oid) => oid === main?.oid)) return null;
  if (origins.some((oid) => !lookups.some((table) => table.oid === oid))) return [];
  const ids = mentions
    .filter(({ place }) => origins.includes(view.logged[place]?.oid ?? -1))
    .flatMap(({ changed }) => changed.filter(isLater));
  return ids.length > 0 ? ids : null;
}

const MAX_REPORTED = 10;

function because(
  row: DifferentRow,
  name: DifferenceClass,
  logRows: readonly bigint[] = [],
  etlTransactionId: bigint | null = row.etlTransactionId,
): ExplainedRow {
  const newest = [...new Set(logRows)].sort((a, b) => (a < b ? 1 : -1)).slice(0, MAX_REPORTED);
  return { ...row, why: { class: name, logRows: newest, etlTransactionId } };
}
