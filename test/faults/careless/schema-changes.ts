import { type Step, step } from './steps.ts';
import { remakeView, selectOf, VIEWS, type ViewName, type World } from './world.ts';

/** The text that each view shows under a name of its own, so that both views can be changed alike. */
const TEXT: Record<ViewName, { column: string; source: string }> = {
  pmr_project: { column: 'name', source: 'r.name' },
  xyz_incident: { column: 'incident_owner', source: 'r.owner' },
};
const HIDDEN: Record<ViewName, string> = { pmr_project: 'not r.is_dummy', xyz_incident: 'not r.is_hidden' };
/** A column that each view can have or lack, by type. */
const EXTRA: Record<ViewName, Record<string, string>> = {
  pmr_project: { text: 'r.remark', flag: 'r.is_dummy' },
  xyz_incident: { text: 'r.type', flag: 'r.is_hidden' },
};

/** The steps in which a developer changes the schema without a word to anybody. */
export const SCHEMA_CHANGES: readonly Step[] = [
  step('replaces an expression of a view', 3, async (world) => {
    const view = world.random.pick(VIEWS);
    const { column, source } = TEXT[view];
    const expression = world.random.pick([source, `upper(${source})`, `coalesce(${source}, 'none')`]);
    world.views[view].columns[column] = expression;
    await replaceView(world, view);
  }),

  step('replaces the condition of a view', 2, async (world) => {
    const view = world.random.pick(VIEWS);
    world.views[view].where = world.random.pick([HIDDEN[view], 'true', `${HIDDEN[view]} and r.id % 4 <> 0`]);
    await replaceView(world, view);
  }),

  step('adds a column, or drops it', 3, async (world) => {
    const view = world.random.pick(VIEWS);
    const { columns } = world.views[view];
    if ('extra' in columns) delete columns.extra;
    else columns.extra = EXTRA[view].text as string;
    await remakeView(world, view);
  }),

  step('adds a column of a type that it did not have before', 1, async (world) => {
    const view = world.random.pick(VIEWS);
    world.views[view].columns.extra = EXTRA[view].flag as string;
    await remakeView(world, view);
  }),

  step('widens a number', 1, async (world) => {
    await world.on.source.database.query(
      `drop view if exists pmr_project; alter table app_project alter column share type numeric(50, 20)`,
    );
    await remakeView(world, 'pmr_project');
  }),

  step('makes a number a text, or a number again', 1, async (world) => {
    const { columns } = world.views.pmr_project;
    columns.share = columns.share === 'r.share' ? 'r.share::text' : 'r.share';
    await remakeView(world, 'pmr_project');
  }),

  step('drops a view, and makes it again a while later', 1, (world) =>
    world.on.source.database.query(`drop view if exists ${world.random.pick(VIEWS)}`),
  ),

  step('takes the rights of the reader away', 1, (world) =>
    world.on.source.database.query(
      `revoke select on ${world.random.pick(['app_project', 'models_logging_change'])} from reader`,
    ),
  ),

  step('takes a column of the target away', 1, async ({ on }) => {
    const target = on.bigquery.dataset('SMartDataAnalytics').table('project');
    const [isThere] = await target.exists();
    const [metadata] = isThere ? await target.getMetadata() : [];
    const fields: { name: string }[] = metadata?.schema.fields ?? [];
    if (fields.some(({ name }) => name === 'company'))
      await on.query(`alter table ${on.targetTable()} drop column company`);
  }),
];

async function replaceView(world: World, view: ViewName): Promise<void> {
  const { rows } = await world.on.source.database.query('select to_regclass($1) as view', [view]);
  if (rows[0].view === null) return await void remakeView(world, view);
  await world.on.source.database.query(
    `create or replace view ${view} as ${selectOf(view, world.views[view])}`,
  );
}
