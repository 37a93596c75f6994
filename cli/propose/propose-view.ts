import type pg from 'pg';
import { asDataHubError } from '../../shared/errors.ts';
import { warehouseName } from '../../shared/model/entry-names.ts';
import { omittedColumnsOf } from '../../shared/model/view-source.ts';
import { importAdvice } from '../../shared/operations/import-advice.ts';
import { quoteIdentifier } from '../../shared/postgres/quote.ts';
import { findRelation, type Relation, readColumns } from '../../shared/source/catalog.ts';
import { changeNotes } from '../../shared/source/change-notes.ts';
import { readColumnOrigin } from '../../shared/source/column-origin.ts';
import { grantAdvice, whyMissing } from '../../shared/source/missing-relation.ts';
import { type FoundLookup, findLookups, type ShownKey } from '../../shared/source/propose-entry.ts';
import { rightsFaults } from '../../shared/source/rights-faults.ts';
import {
  type CalledFunction,
  type Dependency,
  readDefinition,
  type ViewDefinition,
} from '../../shared/source/view-definition.ts';
import { chooseKey } from './choose-key.ts';
import type { SourceLog } from './choose-log.ts';
import { chooseModel, type ModelTable } from './choose-model.ts';
import { inspectProposal } from './inspect-proposal.ts';
import type { Activity } from './log-activity.ts';
import { proposeDatetimes } from './propose-datetimes.ts';
import { proposeLayout } from './propose-layout.ts';
import { proposeLoadType } from './propose-load-type.ts';
import { readLayoutFacts } from './read-layout-facts.ts';
import { plainName, type ViewProposal } from './view-proposal.ts';

/** What the proposals of all views share. */
export type ProposalContext = {
  log: SourceLog;
  /** By the id of the content type. */
  activity: ReadonlyMap<number, Activity>;
  /** What proving the key of one view may take. */
  timeoutSeconds: number;
};

/**
 * Proposes the view source of one view, in one snapshot. What cannot be decided stands in its todo. What fails is thrown; `proposal` then has what was
 * found before.
 */
export async function proposeView(
  client: pg.ClientBase,
  proposal: ViewProposal,
  context: ProposalContext,
): Promise<void> {
  const { entry, todo } = proposal;
  const { name } = entry;
  const view = await findRelation(client, name);
  if (view === null) {
    const missing = await whyMissing(client, 'view', name);
    todo.push(sentence([missing.why, grantAdvice([missing])]));
    return;
  }
  todo.push(...context.log.problems, ...nameTodo(name, view));
  if (view.isMaterialized) {
    todo.push(
      `${name} is a materialized view, whose refresh writes no log rows. Create a plain view of the same query, and propose that.`,
    );
    return;
  }
  const definition = await readDefinition(client, view);
  todo.push(
    ...(await rightsFaults(client, view)).map((fault) => sentence([fault])),
    ...(await unreadableTables(client, definition)),
    ...unseenChanges(name, definition),
  );
  const choice = await chooseKey(client, { view, definition }, context.timeoutSeconds);
  proposal.rows = choice.rows;
  Object.assign(proposal.reasons, choice.reasons);
  todo.push(...choice.todo);
  await addColumns(client, { view, key: choice.key }, proposal, context);
  if (choice.key !== null) await inspectProposal(client, proposal, context);
}

const sentence = (parts: readonly (string | undefined)[]): string =>
  parts
    .filter((part) => part !== undefined)
    .map((part) => (/[.;?!]$/.test(part) ? part : `${part}.`))
    .join(' ');

/** The name of a view source becomes part of names in BigQuery, and the view must be found by it alone. */
function nameTodo(name: string, view: Relation): string[] {
  if (warehouseName.safeParse(name).success) return [];
  const other = plainName(name) ?? 'another_name';
  return [
    `name: a view source can only have letters, digits and underscores in its name. Create a view of such a name, and propose that: create view ${quoteIdentifier(other)} as select * from ${view.name};`,
  ];
}

/** Tables whose changes are followed, or may be, and which the role may not read: the functions look keys up in them. */
async function unreadableTables(client: pg.ClientBase, { dependencies }: ViewDefinition): Promise<string[]> {
  const found: string[] = [];
  for (const { name, kind } of dependencies) {
    if (!['r', 'p', 'f'].includes(kind) || (await findRelation(client, name)) !== null) continue;
    const missing = await whyMissing(client, 'table', name);
    found.push(sentence([missing.why, grantAdvice([missing])]));
  }
  return found;
}

const isOpaque = ({ isBuiltIn, volatility, isText }: CalledFunction): boolean =>
  !isBuiltIn && (volatility !== 'i' || isText);

/** What changes rows of the view without a log row, so that a person must decide whether that matters. */
function unseenChanges(name: string, definition: ViewDefinition): string[] {
  const { dependencies, functions } = definition;
  const notes = changeNotes(name, {
    ...definition,
    parts: [],
    functions: functions.filter(isOpaque),
    dependencies: dependencies.filter(({ kind }) => kind === 'm'),
  });
  return [
    ...dependencies.filter(({ kind }) => kind === 'f').map(foreignTable),
    ...notes.map(({ message, advice }) => sentence([message, advice, 'Remove this when that is settled'])),
  ];
}

const foreignTable = ({ name }: Dependency): string =>
  `The view reads foreign table ${name}, which is written on another server, so that the log of this database does not name its changes. Replicate it from that server, or add it to ignored_dependencies and schedule resyncs. Remove this when that is settled.`;

/** Adds everything that does not decide what the rows of the view are: lookups, datetime columns, layout and load type. */
async function addColumns(
  client: pg.ClientBase,
  { view, key }: { view: Relation; key: ShownKey | null },
  { entry, reasons, todo, rows }: ViewProposal,
  { log, activity }: ProposalContext,
): Promise<void> {
  const omitted = omittedColumnsOf({ omittedColumns: null });
  const columns = (await readColumns(client, view)).filter(({ column }) => !omitted.has(column));
  const ask = (table: ModelTable, field: string) => chooseModel(client, { table, field, log }, todo);
  const main = key === null ? undefined : await ask(key.table, 'app_label, model');
  Object.assign(entry, key === null ? {} : { main_table: key.table.name, ...main, key_column: key.column });
  const lookups = key === null ? [] : await findLookups(client, view, key.table);
  const datetimes = await proposeDatetimes(
    client,
    view,
    columns.filter(({ column }) => column !== key?.column),
  );
  todo.push(...datetimes.todo);
  const pointing = await shownColumns(client, view, { key, lookups });
  const facts = await readLayoutFacts(client, view, {
    columns,
    datetimes: datetimes.columns,
    pointing,
    rows,
  });
  const layout = proposeLayout(facts);
  const { partition } = layout;
  const from = facts.dates.find(({ column }) => column === partition?.column)?.span?.from ?? null;
  const typeId = main && log.types.get(`${main.app_label}.${main.model}`);
  const load = proposeLoadType({
    columns: columns.map(({ column }) => column),
    activity: (typeId === undefined ? undefined : activity.get(typeId)) ?? null,
    partitionFrom: from,
    now: new Date(),
  });
  entry.load_type = load.loadType;
  Object.assign(reasons, { load_type: load.reason, ...layout.reasons });
  if (partition !== null) {
    Object.assign(entry, {
      partition_column: partition.column,
      partition_granularity: partition.granularity,
    });
  }
  if (layout.clusterColumns.length > 0) entry.cluster_columns = layout.clusterColumns;
  if (datetimes.columns.length > 0) entry.datetime_columns = datetimes.columns;
  if (datetimes.reason !== null) reasons.datetime_columns = datetimes.reason;
  if (lookups.length > 0) {
    entry.lookups = [];
    for (const { table, column } of lookups) {
      const model = await ask(table, `lookups (${table.name} by ${column}), app_label, model`);
      entry.lookups.push({ table: table.name, ...model, column });
    }
    reasons.lookups = lookups.map(describeLookup).join(' ');
  }
}

const describeLookup = ({ table, column, isShown }: FoundLookup): string =>
  isShown
    ? `${table.name}: the view shows its rows by ${column}.`
    : `${table.name}: a deletion there may leave NULL in ${column} without a log row.`;

/** The columns of the view that show foreign keys of the lookups. */
async function shownColumns(
  client: pg.ClientBase,
  view: Relation,
  { key, lookups }: { key: ShownKey | null; lookups: readonly FoundLookup[] },
): Promise<string[]> {
  const shown: string[] = [];
  for (const { column } of await readColumns(client, view)) {
    const origin = await readColumnOrigin(client, view, column);
    if (origin === null || key === null || column === key.column) continue;
    const isForeignKey =
      origin.relation === key.table.oid && lookups.some((lookup) => lookup.column === origin.column);
    const isReferenced = lookups.some(({ table }) => table.oid === origin.relation) && origin.column === 'id';
    if (isForeignKey || isReferenced) shown.push(column);
  }
  return shown;
}

/** Notes a failure that concerns one view; throws again what concerns all of them, and bugs. */
export function addFailure({ todo }: ViewProposal, thrown: unknown): void {
  const error = asDataHubError(thrown);
  if (['bug', 'transient', 'environment'].includes(error.kind)) throw error;
  const advice = importAdvice(error.advice).replaceAll('mport again', 'mport it');
  todo.push(sentence([`The view cannot be read: ${error.message}`, advice]));
}
