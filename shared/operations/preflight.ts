import { assertMayEvolve } from '../batch/evolve.ts';
import type { Config } from '../config/config.ts';
import { adviceByHand, asDataHubError } from '../errors.ts';
import type { OperationOf } from '../events/messages.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Queryable } from '../postgres/transaction.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { captureInitial } from '../source/capture.ts';
import { readLogState } from '../source/change-log.ts';
import type { SourceView } from '../source/describe-view.ts';
import { type Finding, inspectServer } from '../source/inspect-server.ts';
import { assertSameSchema, readLogOrigin } from '../source/log-origin.ts';
import { BRIEF_SECONDS, readBriefly } from '../source/read-briefly.ts';
import { busiestLookup, unknownTrackedNames } from '../source/recent-log.ts';
import { inSnapshot } from '../source/snapshot.ts';
import { tryStatements } from '../source/try-statements.ts';
import { ledgerGone, targetGone } from '../warehouse/tables-gone.ts';
import { acceptCostAdvice } from './accept-cost.ts';
import { inspectSource } from './inspect-source.ts';
import { hasFedTarget, targetFindings } from './inspect-target.ts';

/**
 * Checks connections, rights, log sequence, keys, columns, regions and topics, for one view or all enabled ones. Every problem comes with
 * advice. Changes nothing.
 */
export async function preflight({ view }: Pick<OperationOf<'check'>, 'view'>, dependencies: Dependencies) {
  const { viewSources } = dependencies.control;
  return await checkInstallation(dependencies, 'control database', async () => {
    const stored = await viewSources.list();
    return {
      sources: view === undefined ? stored.filter(({ enabled }) => enabled) : [await viewSources.get(view)],
      known: new Set(stored.map(({ name }) => name)),
    };
  });
}

/** The view sources to check, and the names of all that exist or would exist. */
export type Checked = { sources: ViewSource[]; known: ReadonlySet<string> };

/**
 * Checks everything around the view sources that `readSources` finds, and each of them. `origin` names the check of their reading. Changes
 * nothing.
 */
export async function checkInstallation(
  dependencies: Dependencies,
  origin: string,
  readSources: () => Promise<Checked>,
) {
  const { config, events, source, staging } = dependencies;
  const findings: Finding[] = [];
  const examine = async (name: string, work: () => Promise<string | Finding[]>): Promise<void> => {
    try {
      const found = await work();
      if (typeof found === 'string') findings.push({ check: name, ok: true, message: found });
      else findings.push(...found);
    } catch (thrown) {
      const error = asDataHubError(thrown);
      const advice = adviceByHand(error, 'operation');
      findings.push({ check: name, ok: false, message: error.message, advice });
    }
  };

  let sources: ViewSource[] = [];
  let known: ReadonlySet<string> = new Set();
  await examine(origin, async () => {
    ({ sources, known } = await readSources());
    if (sources.length > 0) return `reached; view sources to check: ${sources.length}`;
    return [
      {
        check: origin,
        ok: false,
        message: 'reached; no view source is enabled',
        advice: 'Import a configuration: {"import": […]}.',
      },
    ];
  });
  await examine('environment', async () => environmentFindings(config));
  await examine('source database', () => inSnapshot(source, (client) => inspectServer(client, config)));
  await examine('staging bucket', async () =>
    regionOf('staging bucket', await staging.location(), config.location),
  );
  for (const dataset of Object.values(config.datasets)) {
    await examine(`dataset ${dataset}`, () => checkDataset(dataset, dependencies));
  }
  await examine('topics', async () => {
    const missing = await events.missingTopics();
    return missing.length === 0
      ? 'all exist'
      : [
          {
            check: 'topics',
            ok: false,
            message: `missing: ${missing.join(', ')}`,
            advice:
              'If the variables TOPIC_… are right, create them: terraform apply does. A topic without its trigger delivers nothing.',
          },
        ];
  });
  for (const viewSource of sources) {
    await examine(`view ${viewSource.name}`, () => checkView(viewSource, known, dependencies));
  }
  const failed = findings.filter(({ ok }) => !ok).length;
  return {
    outcome: failed === 0 ? 'ready' : `${failed} ${failed === 1 ? 'problem' : 'problems'} found`,
    ok: failed === 0,
    findings,
  };
}

/** Settings that Terraform refuses, but that an environment made by hand may have. */
function environmentFindings({ datasets, logLevel }: Config): Finding[] {
  const check = 'environment';
  const isQuiet = ['warn', 'error', 'fatal'].includes(logLevel);
  const isShared = new Set(Object.values(datasets)).size < Object.keys(datasets).length;
  return [
    ...(isQuiet
      ? [
          {
            check,
            ok: true,
            message: `LOG_LEVEL is ${logLevel}: metrics and alerts see nothing, since they read lines of the level info`,
            advice: 'Set LOG_LEVEL to info, or leave it out.',
          },
        ]
      : []),
    ...(isShared
      ? [
          {
            check,
            ok: false,
            message:
              'TEMP_DATASET, TARGET_DATASET and VIEW_DATASET are not three datasets: a target can take the name of a temp table or of a reporting view, and readers of one see the others',
            advice:
              'Use three datasets. Their tables cannot be moved: set the variables, then resync every view.',
          },
        ]
      : []),
  ];
}

async function checkDataset(
  dataset: string,
  { config, warehouse }: Dependencies,
): Promise<string | Finding[]> {
  const location = await warehouse.datasetLocation(dataset);
  if (location !== null) return regionOf(`dataset ${dataset}`, location, config.location);
  return [
    {
      check: `dataset ${dataset}`,
      ok: false,
      message: 'does not exist',
      advice: `If its variable is right, create it: terraform apply does, or run: create schema \`${config.projectId}.${dataset}\` options (location = '${config.location}');`,
    },
  ];
}

function regionOf(what: string, found: string, wanted: string): string | Finding[] {
  if (found.toLowerCase() === wanted.toLowerCase()) return `in ${found}`;
  return [
    {
      check: what,
      ok: false,
      message: `${what} is in ${found}, but BIGQUERY_LOCATION is ${wanted}`,
      advice:
        'Bucket, datasets and BIGQUERY_LOCATION must be in one location. A dataset cannot be moved, only created again.',
    },
  ];
}

/**
 * Checks the configuration, the key and the BigQuery objects of one view, as the next extract will see them, and tries the statements of a
 * batch without rows.
 */
async function checkView(
  viewSource: ViewSource,
  known: ReadonlySet<string>,
  dependencies: Dependencies,
): Promise<Finding[]> {
  const { config, source, warehouse } = dependencies;
  const { view, isUnique, findings } = await inSnapshot(source, async (client) => {
    const found = await inspectSource(client, viewSource, known, dependencies);
    await assertLogContinues(client, viewSource, dependencies);
    const captured = await readBriefly(client, () =>
      captureInitial(client, found.view, config.changeLogTable),
    );
    await tryStatements(client, found.view, config.changeLogTable);
    const logRows = await checkLogRows(client, viewSource, found.view, config);
    return {
      view: found.view,
      isUnique: captured !== null,
      findings: [...found.findings, ...logRows],
    };
  });
  const { shape } = view;
  const comparison = await warehouse.compareTables(shape);
  const evolution = warehouse.planEvolution(comparison, { shape, layout: viewSource }, viewSource);
  assertMayEvolve(viewSource, evolution);
  const { missing } = comparison;
  const isFed = await hasFedTarget(viewSource, dependencies);
  if (isFed && missing.includes('target')) throw targetGone(viewSource.name);
  if (isFed && missing.includes('ledger')) throw ledgerGone(viewSource.name);
  const { differences } = evolution;
  await warehouse.tryObjects(shape, viewSource, missing.length + differences.length === 0);
  const isMade = viewSource.warehouseFingerprint !== null;
  const reports = isMade
    ? await warehouse.reportingViewFault(shape, viewSource, viewSource.reportingViewHash)
    : null;
  const tables = [
    ...(missing.length > 0 ? [`tables to be created: ${missing.join(', ')}`] : []),
    ...(differences.length > 0 ? [`its tables will follow: ${differences.join('; ')}`] : []),
    ...(evolution.newTarget.length > 0 ? ['a new table will take the place of its target'] : []),
    ...(evolution.clustering === null
      ? []
      : [`its target will be clustered by ${evolution.clustering.join(', ')}, and its rows rewritten once`]),
    ...(reports === null ? [] : [`${reports}: it will be created again`]),
  ];
  const unique = isUnique
    ? 'is unique'
    : `was not looked for twice, since reading all rows took more than ${BRIEF_SECONDS} s; a whole load does that`;
  const message = `${view.columns.length} columns, key ${view.keyColumn} ${unique}; ${tables.join('; ') || 'its tables match'}`;
  const unfit = await warehouse.unfitSettings({ shape, layout: viewSource }, evolution);
  return [
    { check: `view ${viewSource.name}`, ok: true, message },
    ...unfit.map(({ isFatal, ...said }) => ({
      check: `tables of ${viewSource.name}`,
      ok: !isFatal,
      ...said,
    })),
    ...omittedColumns(view),
    ...(await waitFindings(viewSource, dependencies)),
    ...(await targetFindings(viewSource, comparison, dependencies)),
    ...findings,
  ];
}

/** Throws what the next capture would throw about the log. A view that is loaded as a whole needs no earlier log row. */
async function assertLogContinues(
  client: Queryable,
  { name, resyncRequestedAt }: ViewSource,
  { config, control }: Dependencies,
): Promise<void> {
  const stored = resyncRequestedAt === null ? await control.checkpoints.read(name) : null;
  if (stored === null) return;
  const { changeLogTable } = config;
  assertSameSchema(
    await control.logOrigins.read(name),
    await readLogOrigin(client, changeLogTable),
    changeLogTable,
  );
  await readLogState(client, changeLogTable, stored.checkpoint);
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
