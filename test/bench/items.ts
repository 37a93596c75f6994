import type pg from 'pg';

/** SMartApp's largest view. */
export const ITEM_VIEW = 'pmr_pm_item';
/** Its rows at scale 1. */
const ROWS_AT_SCALE_1 = 99_578;

/** The scale at which SMartApp has at least so many rows in the view. */
export const itemScale = (rows: number): number => (rows * 1.02) / ROWS_AT_SCALE_1;

/** Deletes all but the first rows of the view's main table. */
export async function keepFirstItems(client: pg.Client, rows: number): Promise<void> {
  await client.query(
    'delete from app_pm_inventory where id > (select id from app_pm_inventory order by id offset $1 limit 1) - 1',
    [rows],
  );
  await client.query('vacuum analyze app_pm_inventory');
}
