import { type DjangoRequest, type Instance, NothingToDo } from './django-request.ts';
import type { MainModelName, ModelName, Row } from './model.ts';
import { LOOKUP_MODELS, MAIN_MODELS, MODELS, referencesTo } from './models.ts';

/** Identifies a row. */
export interface Key {
  model: ModelName;
  id: number;
}

/** A kind of request. */
export interface Scenario {
  name: string;
  /** How often it occurs, relative to the others. */
  weight: number;
  /**
   * Throws NothingToDo if a row that it needs does not exist.
   *
   * @param deletedKeys keys that earlier requests deleted; a scenario removes a key that it reuses
   */
  run: Run;
  ending: Ending;
}

/**
 * - `commits`: commits, and then its log rows.
 * - `rolls back`: an exception undoes everything, log rows included; the ids already drawn stay unused.
 * - `loses its log rows`: an exception after the commit prevents the log rows.
 */
export type Ending = 'commits' | 'rolls back' | 'loses its log rows';

type Run = (request: DjangoRequest, deletedKeys: Key[]) => Promise<void>;

/** People do not delete more than this at once. */
const MAX_CHILDREN = 12;

/** Kinds of requests in which a log row follows every change, though it may be misleading. */
export const SCENARIOS: readonly Scenario[] = [
  scenario('create rows', 20, async (request) => {
    const model = MODELS[request.random.pick(MAIN_MODELS)];
    const first = await request.create(model);
    for (let more = request.random.between(0, 3); more > 0; more--) {
      await request.create(model, parentsOf(first));
    }
  }),

  scenario('create a plan with items', 5, async (request) => {
    const plan = await request.create(MODELS.plan);
    for (let items = request.random.between(1, 8); items > 0; items--) {
      await request.create(MODELS.item, { pm_master_id: plan.id });
    }
  }),

  scenario('change tracked columns', 40, (request) => saveSome(request, 'trackedChange')),

  scenario('change untracked columns only', 15, (request) => saveSome(request, 'untrackedChange')),

  scenario('save an object that was not loaded', 2, async (request) => {
    const model = MODELS[request.random.pick(MAIN_MODELS)];
    const existing = await request.get(model);
    await request.saveUnloaded(existing, { ...parentsOf(existing), ...model.newFields(request.maker) });
  }),

  scenario('rename a lookup', 1, async (request) => {
    const lookup = await request.get(MODELS[request.random.pick(LOOKUP_MODELS)]);
    await request.save(lookup, lookup.model.trackedChange(request.maker, lookup.row));
  }),

  scenario('delete a row', 10, async (request) => {
    const row = await request.get(MODELS[request.random.pick(['item', 'incident'])]);
    await request.delete(row);
  }),

  scenario('delete a row and the rows that refer to it', 2, async (request) => {
    const plan = await request.get(
      MODELS.plan,
      `(select count(*) from app_pm_inventory where pm_master_id = t.id) between 1 and ${MAX_CHILDREN}`,
    );
    await request.delete(plan);
  }),

  scenario('delete a row that nothing refers to', 3, async (request) => {
    const row = await getChildless(request, request.random.pick(['project', 'inventory', 'plan']));
    await request.delete(row);
  }),

  scenario('leave the view', 4, async (request) => {
    const [row, changes] = await getForView(request, 'leave');
    await request.save(row, changes);
  }),

  scenario('enter the view again', 4, async (request) => {
    const [row, changes] = await getForView(request, 'enter');
    await request.save(row, changes);
  }),

  scenario('leave the view and enter it again', 1, async (request) => {
    const [row, changes] = await getForView(request, 'leave');
    const before = Object.fromEntries(
      Object.keys(changes).map((column) => [column, row.row[column] ?? null]),
    );
    await request.save(row, changes);
    await request.save(row, before);
  }),

  scenario('savepoint released', 5, async (request) => {
    await saveSome(request, 'trackedChange');
    await request.atomic(async () => {
      await request.create(MODELS[request.random.pick(MAIN_MODELS)]);
      await request.atomic(async () => {
        await saveSome(request, 'trackedChange');
      });
    });
  }),

  scenario('savepoint rolled back', 3, async (request) => {
    await saveSome(request, 'untrackedChange');
    await request.atomic(async () => {
      await saveSome(request, 'trackedChange');
      return 'roll back';
    });
  }),

  scenario('create in a savepoint rolled back', 2, async (request) => {
    await request.atomic(async () => {
      await request.create(MODELS[request.random.pick(MAIN_MODELS)]);
      return 'roll back';
    });
    await saveSome(request, 'trackedChange');
  }),

  scenario('delete in a savepoint rolled back', 1, async (request) => {
    const row = await request.get(MODELS[request.random.pick(['item', 'incident'])]);
    await request.atomic(async () => {
      await request.delete(row);
      return 'roll back';
    });
  }),

  scenario(
    'request rolled back',
    4,
    async (request) => {
      await request.create(MODELS[request.random.pick(MAIN_MODELS)]);
      await saveSome(request, 'trackedChange');
    },
    'rolls back',
  ),

  scenario('update, then delete', 3, async (request) => {
    const model = MODELS[request.random.pick(['item', 'incident'])];
    const row = await request.get(model);
    await request.save(row, model.untrackedChange(request.maker, row.row));
    await request.delete(row);
  }),

  scenario('create, then delete', 3, async (request) => {
    const row = await request.create(MODELS[request.random.pick(MAIN_MODELS)]);
    await request.delete(row);
  }),

  scenario('delete, then create with the same key', 3, async (request) => {
    const model = MODELS[request.random.pick(['item', 'incident'])];
    const row = await request.get(model);
    await request.delete(row);
    await request.create(model, { ...parentsOf(row), id: row.id });
  }),

  scenario("create with an earlier request's deleted key", 3, async (request, deletedKeys) => {
    const [key] = deletedKeys.splice(request.random.between(0, deletedKeys.length - 1), 1);
    if (key === undefined) throw new NothingToDo();
    await request.create(MODELS[key.model], { id: key.id });
  }),
];

export function scenario(name: string, weight: number, run: Run, ending: Ending = 'commits'): Scenario {
  return { name, weight, run, ending };
}

async function saveSome(request: DjangoRequest, change: 'trackedChange' | 'untrackedChange'): Promise<void> {
  for (let rows = request.random.between(1, 3); rows > 0; rows--) {
    const model = MODELS[request.random.pick(MAIN_MODELS)];
    const row = await request.find(model);
    if (row !== undefined) await request.save(row, model[change](request.maker, row.row));
  }
}

/** The values of a row's foreign keys to its parents. */
function parentsOf({ model, row }: Instance): Row {
  return Object.fromEntries(Object.keys(model.parents).map((column) => [column, row[column] ?? null]));
}

function getChildless(request: DjangoRequest, name: MainModelName): Promise<Instance> {
  const conditions = referencesTo(MODELS[name]).map(
    ({ referringModel, column }) => `not exists (select from ${referringModel.table} where ${column} = t.id)`,
  );
  return request.get(MODELS[name], conditions.join(' and '));
}

/** A row that can leave or enter its view, and the change that makes it do so. */
async function getForView(request: DjangoRequest, direction: 'leave' | 'enter'): Promise<[Instance, Row]> {
  const isLeaving = direction === 'leave';
  if (request.random.chance(0.5)) {
    const model = MODELS[request.random.pick(['project', 'inventory'])];
    return [await request.get(model, `is_dummy = ${!isLeaving}`), { is_dummy: isLeaving }];
  }
  const changes = isLeaving
    ? { incident_status_id: 3, incident_close_datetime: request.maker.now.toISOString() }
    : { incident_status_id: 2, incident_close_datetime: null };
  return [await request.get(MODELS.incident, `(incident_status_id = 3) = ${!isLeaving}`), changes];
}
