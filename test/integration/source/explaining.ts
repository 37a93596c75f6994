import type pg from 'pg';
import { LOG_TABLE } from './use-source.ts';

/** How much of the change log statements have read. */
export type Reads = { logRows: number; buffers: number };

type PlanNode = {
  'Relation Name'?: string;
  'Actual Rows': number;
  'Actual Loops': number;
  'Rows Removed by Filter'?: number;
  'Rows Removed by Index Recheck'?: number;
  'Shared Hit Blocks': number;
  'Shared Read Blocks': number;
  Plans?: PlanNode[];
};

/** Wraps a connection so that every statement is also explained, and adds what it reads to `reads`. */
export function explaining(client: pg.ClientBase, reads: Reads): pg.ClientBase {
  const query = async (text: string, values: unknown[] = []) => {
    const { rows } = await client.query(`explain (analyze, buffers, format json) ${text}`, values);
    const plan = rows[0]['QUERY PLAN'][0].Plan as PlanNode;
    for (const node of nodesOf(plan)) {
      if (node['Relation Name'] === LOG_TABLE) reads.logRows += rowsRead(node);
    }
    reads.buffers += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    return await client.query(text, values);
  };
  return { query } as unknown as pg.ClientBase;
}

function* nodesOf(node: PlanNode): Generator<PlanNode> {
  yield node;
  for (const child of node.Plans ?? []) yield* nodesOf(child);
}

function rowsRead(node: PlanNode): number {
  const perLoop =
    node['Actual Rows'] +
    (node['Rows Removed by Filter'] ?? 0) +
    (node['Rows Removed by Index Recheck'] ?? 0);
  return perLoop * node['Actual Loops'];
}
