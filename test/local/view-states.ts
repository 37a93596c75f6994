import type pg from 'pg';

/** An enabled view source, and what its batches have come to. */
export interface ViewState {
  name: string;
  targetName: string;
  keyColumn: string;
  loadType: string;
  haltedReason: string | null;
  /** The batch that is on its way: its number and state. */
  inFlight: string | null;
  /** Of applied batches only. */
  batches: number;
  added: number;
  changed: number;
  deleted: number;
}

/** Reads the control database. */
export async function readViewStates(control: pg.ClientBase): Promise<ViewState[]> {
  const { rows } = await control.query<ViewState>(`
    select
      v.name, v.target_name as "targetName", v.key_column as "keyColumn", v.load_type as "loadType",
      v.halted_reason as "haltedReason",
      max('#' || t.id || ' ' || t.state) filter (where t.state in ('extracting', 'staged', 'applying')) as "inFlight",
      count(*) filter (where t.state = 'applied')::float8 as batches,
      coalesce(sum(t.rows_added) filter (where t.state = 'applied'), 0)::float8 as added,
      coalesce(sum(t.rows_changed) filter (where t.state = 'applied'), 0)::float8 as changed,
      coalesce(sum(t.rows_deleted) filter (where t.state = 'applied'), 0)::float8 as deleted
    from etl.view_source as v
    left join etl.etl_transaction as t on t.view_name = v.name
    where v.enabled
    group by v.name
    order by v.name`);
  return rows;
}
