import { type Step, step } from './steps.ts';
import { type Instance, MODEL_NAMES, MODELS, type ModelName, type World } from './world.ts';

const NAMES = ['Ada', 'ada', ' ada', 'Bob', '', 'Ünal'] as const;

/** The steps in which the application writes rows, and logs them as django-models-logging does, or not at all. */
export const WRITES: readonly Step[] = [
  step('creates rows', 4, async (world) => {
    for (const model of MODEL_NAMES) {
      const { rows } = await sql(world, `select coalesce(max(id), 0) + 1 as id from ${model}`);
      const instance: Instance = { model, row: { id: Number(rows[0]?.id) } };
      for (const column of MODELS[model]) instance.row[column] = await newValue(world, column);
      if (model === 'app_incident') await world.on.source.add('app_incident', withId(instance));
      else await world.on.source.add('app_project', withId(instance));
    }
  }),

  step('loads an instance and keeps it', 4, async (world) => {
    const instance = await load(world);
    if (instance !== null) world.loaded.push(instance);
  }),

  step('saves an instance that it loaded long ago', 5, async (world) => {
    const instance = world.loaded.shift();
    if (instance !== undefined) await save(world, instance);
  }),

  step('loads and saves an instance', 4, async (world) => {
    const instance = await load(world);
    if (instance !== null) await save(world, instance);
  }),

  step('changes a row by update(), and logs it later for another column', 4, async (world) => {
    const instance = await load(world);
    if (instance === null) return;
    const { model, row } = instance;
    const column = world.random.pick(MODELS[model]);
    await sql(world, `update ${model} set ${column} = $2 where id = $1`, [
      row.id,
      await newValue(world, column),
    ]);
    world.unlogged.add(`${model} ${String(row.id)}`);
  }),

  step('logs a row for a column that no view shows', 2, async (world) => {
    const [row] = world.unlogged;
    if (row !== undefined) await logForOtherColumn(world, row);
  }),

  step('deletes a row', 2, async (world) => {
    const instance = await load(world);
    if (instance !== null) await world.on.source.delete(instance.model, Number(instance.row.id));
  }),

  step('renames a company', 2, async ({ on, random }) => {
    await on.source.change('app_company', random.between(1, 3), { name: random.pick(NAMES) });
  }),

  step('deletes a company whose projects keep no company (on_delete=SET_NULL)', 1, async (world) => {
    const id = world.random.between(1, 3);
    await sql(world, 'update app_project set company_id = null where company_id = $1', [id]);
    await world.on.source.delete('app_company', id);
    await world.on.source.add('app_company', { id, name: 'again' });
  }),

  step('logs an object id that is no key', 1, ({ on }) => on.source.log('app_project', 'n/a', 'changed')),
];

const withId = ({ row }: Instance) => row as { id: number } & Record<string, unknown>;

const sql = ({ on }: World, text: string, values: unknown[] = []) => on.source.database.query(text, values);

/** Logs a row that was changed without a log row, as Django does when another column of it is saved afterwards. */
export async function logForOtherColumn(world: World, row: `${ModelName} ${string}`): Promise<void> {
  const [model, id] = row.split(' ') as [ModelName, string];
  await world.on.source.log(model, id, 'changed', { remark: { old: null, new: 'x' } });
  world.unlogged.delete(row);
}

async function load(world: World): Promise<Instance | null> {
  const model = world.random.pick(MODEL_NAMES);
  const { rows } = await sql(world, `select id, ${MODELS[model].join(', ')} from ${model} order by id`);
  if (rows.length === 0) return null;
  return { model, row: rows[world.random.between(0, rows.length - 1)] as Record<string, unknown> };
}

/** Django's `save()`: writes all columns as they are in memory, and logs only the one that this instance has changed. */
async function save(world: World, { model, row }: Instance): Promise<void> {
  const column = world.random.pick(MODELS[model]);
  const written = { ...row, [column]: await newValue(world, column) };
  const { rows } = await sql(world, `select 1 from app_company where id = $1`, [
    'company_id' in written ? written.company_id : null,
  ]);
  if (rows.length === 0 && 'company_id' in written) written.company_id = null;
  const columns = MODELS[model];
  const { rowCount } = await sql(
    world,
    `update ${model} set ${columns.map((name, i) => `${name} = $${i + 2}`).join(', ')} where id = $1`,
    [row.id, ...columns.map((name) => written[name])],
  );
  if (rowCount === 0) return;
  await world.on.source.log(model, String(row.id), 'changed', { [column]: { old: null, new: null } });
}

async function newValue({ random }: World, column: string): Promise<unknown> {
  switch (column) {
    case 'is_dummy':
    case 'is_hidden':
      return random.chance(0.3);
    case 'company_id':
      return random.pick([null, 1, 2, 3]);
    case 'share':
      return random.pick([null, '0', '0.125', '123456789.5']);
    case 'status':
      return random.pick(['open', 'closed', 'Open']);
    default:
      return random.pick([null, ...NAMES]);
  }
}
