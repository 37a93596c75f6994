import type { DjangoRequest } from './django-request.ts';
import type { Action } from './log-row.ts';
import type { Model } from './model.ts';
import { MODELS } from './models.ts';
import { type Scenario, scenario } from './scenarios.ts';

/**
 * Kinds of requests that write no log row for their changes. A capture cannot see such changes; only a comparison of source
 * and target can.
 */
export const UNLOGGED_SCENARIOS: readonly Scenario[] = [
  scenario('queryset.update()', 4, async (request) => {
    const first = await request.get(MODELS.item);
    await unlogged(
      request,
      MODELS.item,
      'changed',
      `update app_pm_inventory set is_pm = not is_pm where id between $1 and $1 + 4 returning id`,
      [first.id],
    );
  }),

  scenario('bulk_create()', 2, async (request) => {
    const existing = await request.get(MODELS.item);
    await unlogged(
      request,
      MODELS.item,
      'added',
      `insert into app_pm_inventory (pm_master_id, inventory_id, is_pm, updated_at)
       select pm_master_id, inventory_id, false, now() from app_pm_inventory, generate_series(1, 5) where id = $1
       returning id`,
      [existing.id],
    );
  }),

  scenario('raw SQL', 2, async (request) => {
    const project = await request.get(MODELS.project);
    await unlogged(
      request,
      MODELS.project,
      'changed',
      `update app_project set project_name = upper(project_name) || '!' where id = $1 returning id`,
      [project.id],
    );
  }),

  scenario('cascade in the database', 1, async (request) => {
    const plan = await request.get(MODELS.plan);
    await unlogged(
      request,
      MODELS.item,
      'deleted',
      `delete from app_pm_inventory where pm_master_id = $1 returning id`,
      [plan.id],
    );
    await request.delete(plan);
  }),

  scenario(
    'create committed, then an exception',
    2,
    async (request) => {
      await request.create(MODELS.incident);
    },
    'loses its log rows',
  ),
];

async function unlogged(
  request: DjangoRequest,
  model: Model,
  action: Action,
  text: string,
  values: readonly unknown[],
) {
  for (const { id } of await request.query<{ id: string }>(text, values)) {
    request.noteUnlogged({ model: model.name, id: Number(id), action });
  }
}
