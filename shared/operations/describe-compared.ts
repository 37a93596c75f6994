import type pg from 'pg';
import { DataHubError } from '../errors.ts';
import type { ConsistencyCheck } from '../model/consistency.ts';
import type { ViewSource } from '../model/view-source.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import { describeView, type SourceView } from '../source/describe-view.ts';
import type { SourceColumn } from '../source/source-column.ts';

/** Describes the view in the snapshot of `client`. Throws `invalid_event` unless the target exists and has the view's columns. */
export async function describeCompared(
  client: pg.ClientBase,
  viewSource: ViewSource,
  { config, warehouse }: Dependencies,
): Promise<SourceView> {
  const view = await describeView(client, viewSource, config.contentTypeTable);
  const target = await warehouse.compareTarget(view.shape);
  if (target !== null && target.changes.length + target.faults.length === 0) return view;
  throw new DataHubError(
    'invalid_event',
    target === null
      ? `view ${view.name}: its target does not exist`
      : `view ${view.name}: its target has other columns than the view`,
    {
      context: { view: view.name },
      advice: `Send {"view":${JSON.stringify(view.name)}} to extract, which follows the columns or says what to do. Then check the view again.`,
    },
  );
}

/** The columns that a check of this mode compares. */
export function comparedColumns(view: SourceView, { mode }: Pick<ConsistencyCheck, 'mode'>): SourceColumn[] {
  return mode === 'keys' ? view.columns.filter(({ name }) => name === view.keyColumn) : view.columns;
}
