import type pg from 'pg';
import { asDataHubError } from '../../shared/errors.ts';
import { warehouseName } from '../../shared/model/entry-names.ts';
import { omittedColumnsOf } from '../../shared/model/view-source.ts';
import { quoteIdentifier } from '../../shared/postgres/quote.ts';
import { findRelation, type Relation, readColumns } from '../../shared/source/catalog.ts';
import { changeNotes } from '../../shared/source/change-notes.ts';
import { readColumnOrigin } from '../../shared/source/column-origin.ts';
import { grantAdvice, whyMissing } from '../../shared/source/missing-relation.ts';
import { type FoundLookup, findLookups, modelsOf, type ShownKey } from '../../shared/source/propose-entry.ts';
import { rightsFaults } from '../../shared/source/rights-faults.ts';
import {
  type CalledFunction,
  type Dependency,
  readDefinition,
  type ViewDefinition,
} from '../../shared/source/view-definition.ts';
import { chooseKey } from './choose-key.ts';
import type { SourceLog } from './choose-log.ts';
import { inspectProposal } from './inspect-proposal.ts';
import type { Activity } from './log-activity.ts';
import { proposeDatetimes } from './propose-datetimes.ts';
import { proposeLayout } from './propose-layout.ts';
import { proposeLoadType } from './propose-load-type.ts';
import { readLayoutFacts } from './read-layout-facts.ts';
import {
  type ProposedEntry,
  plainName,
  targetName,
  unknownView,
  type ViewProposal,
} from './view-proposal.ts';

/** What the proposals of all views share. */
export type ProposalContext = {
  log: SourceLog;
  /** By the id of the content type. */
  activity: ReadonlyMap<number, Activity>;
  /** What proving the key of one view may take. */
  timeoutSeconds: number;
};

/** Proposes the view source of one view, in one snapshot. What cannot be decided stands in its todo. */
export async function proposeView(
  client: pg.ClientBase,
  name: string,
  context: ProposalContext,
): Promise<ViewProposal> {
  const view = await findRelation(client, name);
  if (view === null) {
    const missing = await whyMissing(client, 'view', name);
    return unknownView(name, [sentence([missing.why, grantAdvice([missing])])]);
  }
  const definition = await readDefinition(client, view);
  const todo = [
    ...context.log.problems,
    ...nameTodo(name, view),
    ...(await rightsFaults(client, view)).map((fault) => sentence([fault])),
    ...(await unreadableTables(client, definition)),
    ...unseenChanges(name, view, definition),
  ];
  const notes: string[] = [];
  const choice = await chooseKey(client, { view, definition }, context.timeoutSeconds);
  const entry: ProposedEntry = { name, target_name: targetName(name) };
  const proposal = { entry, reasons: { ...choice.reasons }, todo, notes, rows: choice.rows };
  todo.push(...choice.todo);
  await addColumns(client, { view, key: choice.key }, proposal, context);
  if (choice.key !== null && !view.isMaterialized) await inspectProposal(client, proposal, context.log);
  return proposal;
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
function unseenChanges(name: string, view: Relation, definition: ViewDefinition): string[] {
  const { dependencies, functions } = definition;
  const notes = changeNotes(name, {
    ...definition,
    parts: [],
    functions: functions.filter(isOpaque),
    dependencies: dependencies.filter(({ kind }) => kind === 'm'),
  });
  return [
    ...(view.isMaterialized
      ? [
          `${name} is a materialized view, whose refresh writes no log rows. Create a plain view of the same query, and propose that.`,
        ]
      : []),
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
  const main = key === null ? undefined : modelOf(key.table, 'app_label, model', log, todo);
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
    entry.lookups = lookups.map(({ table, column }) => ({
      table: table.name,
      ...modelOf(table, `lookups (${table.name} by ${column}), app_label, model`, log, todo),
      column,
    }));
    reasons.lookups = lookups.map(describeLookup).join(' ');
  }
}

const describeLookup = ({ table, column, isShown }: FoundLookup): string =>
  isShown
    ? `${table.name}: the view shows its rows by ${column}.`
    : `${table.name}: a deletion there may leave NULL in ${column} without a log row.`;

/** The Django model of a table by its name; asks for it if there is none, or more than one. */
function modelOf(
  { name, table }: Pick<Dependency, 'name' | 'table'>,
  field: string,
  { types, contentTypeTable }: SourceLog,
  todo: string[],
): { app_label: string; model: string } | undefined {
  const [found, ...others] = modelsOf({ table }, types);
  if (found !== undefined && others.length === 0) return found;
  if (contentTypeTable === null) return undefined;
  const ask =
    found === undefined
      ? `${contentTypeTable} has no model whose table would be named ${table}: its Meta.db_table says otherwise, or the application does not know it. Name the model whose objects ${name} holds, as the content types write it`
      : `${[found, ...others].map(({ app_label, model }) => `${app_label}.${model}`).join(' or ')}? The table of each would be named ${table}`;
  todo.push(`${field}: ${ask}.`);
  return undefined;
}

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

/** What a failure means for one view; thrown again if it concerns all of them, or is a bug. */
export function failedView(name: string, thrown: unknown): ViewProposal {
  const error = asDataHubError(thrown);
  const isOfView = !['bug', 'transient', 'environment'].includes(error.kind);
  if (!isOfView) throw error;
  return unknownView(name, [sentence([`The view cannot be read: ${error.message}`, error.advice])]);
}
