import { DataHubError } from '../../../shared/errors.ts';
import type { ViewSourceEntry } from '../../../shared/model/view-source-entry.ts';
import { importConfiguration } from '../../../shared/operations/import-configuration.ts';
import { type Step, step } from './steps.ts';
import { VIEWS, type ViewName, type World } from './world.ts';

/** What an operator may change at any time. The targets must follow, or the import must refuse it. */
const CHANGES: Record<ViewName, readonly [Partial<ViewSourceEntry>, ...Partial<ViewSourceEntry>[]]> = {
  pmr_project: [
    { null_defaults: { name: 'unnamed' } },
    { null_defaults: {} },
    { cluster_columns: ['company'] },
    { cluster_columns: [] },
    { view_changes: 'halt' },
    { view_changes: 'resync' },
    { column_changes: 'freeze' },
    { column_changes: 'evolve' },
    { lookups: [], ignored_dependencies: ['app_company'] },
  ],
  xyz_incident: [
    { null_defaults: { incident_owner: 'nobody' } },
    { null_defaults: {} },
    { datetime_columns: ['open_datetime'] },
    { datetime_columns: ['open_datetime', 'close_datetime'] },
    { partition_granularity: 'day' },
    { partition_granularity: 'month' },
  ],
};

/** Slips. Most are refused; what is accepted must not leave a target wrong in silence. */
const SLIPS: Record<ViewName, readonly [Partial<ViewSourceEntry>, ...Partial<ViewSourceEntry>[]]> = {
  pmr_project: [
    { main_table: 'app_company', model: 'company' },
    { main_table: 'app_site', model: 'site' },
    { model: 'company' },
    { key_column: 'name' },
    { lookups: [] },
    { load_type: 'bq-storage-api' },
    { null_defaults: { share: 'none' } },
    { null_defaults: { nothing: 'x' } },
    { unrepresentable: { project_id: 'null' } },
    { report_column: 'name' },
    { cluster_columns: ['name', 'name'] },
    { foreign_keys: [{ column: 'company', references: 'nothing' }] },
  ],
  xyz_incident: [
    { main_table: 'app_site', model: 'site' },
    { key_column: 'inventory_id' },
    { datetime_columns: ['nothing'] },
    { partition_column: 'status', partition_granularity: 'day' },
    { load_type: 'merge' },
    { enabled: false },
  ],
};

/** The steps in which an operator imports view sources, right ones and wrong ones. */
export const CONFIGURATIONS: readonly Step[] = [
  step('imports a changed view source', 3, async (world) => {
    const view = world.random.pick(VIEWS);
    await tryImport(world, view, world.random.pick(CHANGES[view]));
  }),
  step('imports a view source with a slip', 3, async (world) => {
    const view = world.random.pick(VIEWS);
    await tryImport(world, view, world.random.pick(SLIPS[view]));
  }),
];

/** Imports the view source with these fields changed. A refusal leaves everything as it was. */
async function tryImport(world: World, view: ViewName, change: Partial<ViewSourceEntry>): Promise<void> {
  const entry = { ...world.entries[view], ...change };
  try {
    await importConfiguration({ entries: [entry] }, world.on.dependencies);
    world.entries[view] = entry;
  } catch (error) {
    if (!(error instanceof DataHubError) || error.kind === 'bug') throw error;
  }
}
