import type pg from 'pg';
import { assertMayEvolve } from '../batch/evolve.ts';
import type { Config } from '../config/config.ts';
import { asDataHubError } from '../errors.ts';
import { formatBytes } from '../model/format-amounts.ts';
import { MAX_LOADED_BYTES } from '../model/load-limits.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { assertUniqueKeys, captureInitial } from '../source/capture.ts';
import { readLogState } from '../source/change-log.ts';
import type { SourceView } from '../source/describe-view.ts';
import type { Finding } from '../source/inspect-server.ts';
import { assertSameSchema, readLogOrigin } from '../source/log-origin.ts';
import { estimateSize } from '../source/plan-slices.ts';
import { limitStatements, readBriefly } from '../source/read-briefly.ts';
import { busiestLookup, unknownTrackedNames } from '../source/recent-log.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { tryStatements } from '../source/try-statements.ts';
import { unloggedChanges } from '../source/unlogged-changes.ts';
import type { Comparison } from '../warehouse/compare-tables.ts';
import { ledgerGone, targetGone } from '../warehouse/tables-gone.ts';
import { acceptCostAdvice } from './accept-cost.ts';
import { inspectSource } from './inspect-source.ts';
import { hasFedTarget, targetFindings } from './inspect-target.ts';

/** A person waits for a check with the scope `views`, before a page. */
const PAGE_SECONDS = 10;

/**
 * Checks the configuration, the key and the BigQuery objects of one view, as the next extract will see them, and tries the statements of a
 * batch without rows. With the scope `views`, a function that may not make its tables does not try them.
 */
export async function preflightView(
  viewSource: ViewSource,
  known: ReadonlySet<string>,
  dependencies: Dependencies,
  scope: 'installation' | 'views' = 'installation',
): Promise<Finding[]> {
  const { view, isUnique, findings } = await inSnapshot(dependencies.source, async (client) => {
    if (scope === 'views') await limitStatements(client, PAGE_SECONDS);
    return await tryCapture(client, viewSource, known, dependencies);
  });
  const tables = await tryTables(viewSource, view, dependencies).catch((thrown: unknown) => {
    const error = asDataHubError(thrown);
    if (scope === 'views' && error.kind === 'unauthorized') return null;
    throw error;
  });
  const unique = isUnique
    ? 'is unique and never NULL'
    : 'was not looked for twice, since reading all rows takes longer than a check may; a whole load does that';
  const changes = tables === null ? UNTRIED : tables.changes.join('; ') || 'its tables match';
  const message = `${view.columns.length} columns, key ${view.keyColumn} ${unique}; ${changes}`;
  return [
    { check: `view ${viewSource.name}`, ok: true, message },
    ...(tables?.unfit ?? []),
    ...omittedColumns(view),
    ...(await waitFindings(viewSource, dependencies)),
    ...(tables === null ? [] : await targetFindings(viewSource, tables.comparison, dependencies)),
    ...findings,
  ];
}

const UNTRIED = 'its tables are not tried here: the account of this function may only read the target';

/** Inspects the source of one view and tries to capture it. `isUnique` is false if the keys could not be read in a short time. */
async function tryCapture(
  client: pg.ClientBase,
  viewSource: ViewSource,
  known: ReadonlySet<string>,
  dependencies: Dependencies,
): Promise<{ view: SourceView; isUnique: boolean; findings: Finding[] }> {
  const { config } = dependencies;
  const { view, findings } = await inspectSource(client, viewSource, known, dependencies);
  const unlogged = await logContinues(client, viewSource, view, dependencies);
  const captured = await readBriefly(client, async () => {
    await assertUniqueKeys(client, view);
    return await captureInitial(client, config.changeLogTable);
  });
  await tryStatements(client, view, config.changeLogTable);
  const logRows = await checkLogRows(client, viewSource, view, config);
  const found = [...findings, ...(await sizeFindings(client, view)), ...unlogged, ...logRows];
  return { view, isUnique: captured !== null, findings: found };
}

/** Whether one load job takes the whole view, by what its main table takes on disk. A stream without a load job has no such limit, but an end far below it. */
async function sizeFindings(client: pg.ClientBase, view: SourceView): Promise<Finding[]> {
  const { bytes } = await estimateSize(client, view);
  if (bytes <= MAX_LOADED_BYTES) return [];
  return [
    {
      check: `size of ${view.name}`,
      ok: false,
      message: `its main table has ${formatBytes(bytes)}; one load job of BigQuery takes ${formatBytes(MAX_LOADED_BYTES)}`,
      advice:
        'Cut the view into several, for example one for each range of keys or years, each with a target of its own, and read them through one view of BigQuery.',
    },
  ];
}

/**
 * Compares the tables of one view with what it needs, and lets BigQuery check the statements that make them. `changes` says what the next
 * extract does to them; nothing if they match. Throws what the next extract would throw.
 */
async function tryTables(
  viewSource: ViewSource,
  { shape }: SourceView,
  dependencies: Dependencies,
): Promise<{ comparison: Comparison; changes: string[]; unfit: Finding[] }> {
  const { warehouse } = dependencies;
  const comparison = await warehouse.compareTables(shape);
  const evolution = warehouse.planEvolution(comparison, { shape, layout: viewSource }, viewSource);
  assertMayEvolve(viewSource, evolution);
  const { missing } = comparison;
  const isFed = await hasFedTarget(viewSource, dependencies);
  if (isFed && missing.includes('target')) throw targetGone(viewSource);
  if (isFed && missing.includes('ledger')) throw ledgerGone(viewSource.name);
  const { differences } = evolution;
  await warehouse.tryObjects(shape, viewSource, missing.length + differences.length === 0);
  const isMade = viewSource.warehouseFingerprint !== null;
  const reports = isMade
    ? await warehouse.reportingViewFault(shape, viewSource, viewSource.reportingViewHash)
    : null;
  const changes = [
    ...(missing.length > 0 ? [`tables to be created: ${missing.join(', ')}`] : []),
    ...(differences.length > 0 ? [`its tables will follow: ${differences.join('; ')}`] : []),
    ...(evolution.newTarget.length > 0 ? ['a new table will take the place of its target'] : []),
    ...(evolution.clustering === null
      ? []
      : [`its target will be clustered by ${evolution.clustering.join(', ')}, and its rows rewritten once`]),
    ...(reports === null ? [] : [`${reports}: it will be created again`]),
  ];
  const check = `tables of ${viewSource.name}`;
  const unfit = await warehouse.unfitSettings({ shape, layout: viewSource }, evolution);
  return {
    comparison,
    changes,
    unfit: unfit.map(({ isFatal, ...setting }) => ({ check, ok: !isFatal, ...setting })),
  };
}

/**
 * Throws what the next capture would throw about the log, and says why it would load the whole view instead. A view that is loaded as a whole needs no
 * earlier log row.
 */
async function logContinues(
  client: Queryable,
  { name, resyncRequestedAt }: ViewSource,
  view: SourceView,
  { config, control }: Dependencies,
): Promise<Finding[]> {
  const stored = resyncRequestedAt === null ? await control.checkpoints.read(name) : null;
  if (stored === null) return [];
  const logTable = config.changeLogTable;
  const [before, now] = [await control.logOrigins.read(name), await readLogOrigin(client, logTable)];
  const unlogged = await unloggedChanges(client, view, stored.checkpoint, { before, now, logTable });
  if (unlogged !== null) {
    const message = `the next batch carries the whole view: ${unlogged.reason}`;
    return [{ check: `change log of ${name}`, ok: true, message }];
  }
  assertSameSchema(before, now, logTable);
  await readLogState(client, logTable, stored.checkpoint);
  return [];
}

/** Why the next tick would do less for the view than for others, although nothing of its configuration is wrong. */
async function waitFindings({ name }: ViewSource, { control }: Dependencies): Promise<Finding[]> {
  const check = `state of ${name}`;
  const [status] = await control.status.views(name);
  switch (status?.state) {
    case 'over budget':
      return [{ check, ok: true, message: 'over budget: no batch begins', advice: acceptCostAdvice(name) }];
    case 'waiting':
      return [{ check, ok: true, message: 'its resync waits for those of other views' }];
    case 'retrying':
      return [
        {
          check,
          ok: true,
          message: `its last attempt failed, and is retried: ${status.lastError}`,
          ...(status.lastErrorAdvice === null ? {} : { advice: status.lastErrorAdvice }),
        },
      ];
    default:
      return [];
  }
}

function omittedColumns({ name, omittedColumns }: SourceView): Finding[] {
  if (omittedColumns.length === 0) return [];
  const message = `omitted_columns, which the target does not get: ${omittedColumns.join(', ')}`;
  return [{ check: `columns of ${name}`, ok: true, message }];
}

/** What recent log rows say about the configuration. */
async function checkLogRows(
  client: Queryable,
  { name, lookups, mainTable, trackedColumns }: ViewSource,
  described: SourceView,
  { changeLogTable }: Config,
): Promise<Finding[]> {
  const unknown = await unknownTrackedNames(client, changeLogTable, described, trackedColumns);
  const busiest = await busiestLookup(client, changeLogTable, described);
  const table = lookups.find(({ column }) => column === busiest?.column)?.table;
  return [
    ...unknown.map((column) => ({
      check: `tracked columns of ${name}`,
      ok: false,
      message: `tracked column ${column} does not exist in ${mainTable}, and no recent log row lists a field of that name`,
      advice:
        'Correct the name, or remove it: a log row that lists a name that is no column is never skipped.',
    })),
    ...(busiest === null
      ? []
      : [
          {
            check: `lookups of ${name}`,
            ok: true,
            message: `the busiest, ${table} by ${busiest.column}, names about ${busiest.rowsPerDay} rows a day`,
          },
        ]),
  ];
}
