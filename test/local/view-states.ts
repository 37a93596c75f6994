import type pg from 'pg';
import { DEFAULT_RULES, type Rules } from './compare/rules.ts';

/** An enabled view source with the results of its batches. */
export interface ViewState {
  name: string;
  targetName: string;
  keyColumn: string;
  loadType: string;
  rules: Rules;
  haltedReason: string | null;
  /** Id and state of the batch in flight. */
  inFlight: string | null;
  /** The rows that this batch has staged; 0 while it copies them. */
  stagedRows: number;
  /** This and the following counts are about applied batches only. */
  batches: number;
  added: number;
  changed: number;
  deleted: number;
}

/** Reads the states of all enabled views from the control database. */
export async function readViewStates(control: pg.ClientBase): Promise<ViewState[]> {
  const { rows } = await control.query<ViewRow>(`
    select
      v.name, v.target_name as "targetName", v.key_column as "keyColumn", v.load_type as "loadType",
      jsonb_build_object('nullDefaults', v.null_defaults, 'unrepresentable', v.unrepresentable, 'omittedColumns', v.omitted_columns,
        'streamedPartition', case v.load_type when 'bq-storage-api' then v.partition_column end) as rules,
      v.halted_reason as "haltedReason",
      max('batch ' || t.id || ' ' || t.state) filter (where t.state in ('extracting', 'staged', 'applying')) as "inFlight",
      coalesce(sum(t.staged_upserts) filter (where t.state in ('staged', 'applying')), 0)::float8 as "stagedRows",
      count(*) filter (where t.state = 'applied')::float8 as batches,
      coalesce(sum(t.rows_added) filter (where t.state = 'applied'), 0)::float8 as added,
      coalesce(sum(t.rows_changed) filter (where t.state = 'applied'), 0)::float8 as changed,
      coalesce(sum(t.rows_deleted) filter (where t.state = 'applied'), 0)::float8 as deleted
    from etl.view_source as v
    left join etl.etl_transaction as t on t.view_name = v.name
    where v.enabled
    group by v.name
    order by v.name`);
  return rows.map((row) => ({
    ...row,
    rules: { ...row.rules, omittedColumns: row.rules.omittedColumns ?? DEFAULT_RULES.omittedColumns },
  }));
}

type ViewRow = Omit<ViewState, 'rules'> & {
  rules: Omit<Rules, 'omittedColumns'> & { omittedColumns: string[] | null };
};
