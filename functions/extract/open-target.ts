import type pg from 'pg';
import { acceptDeletesAdvice } from '../../shared/batch/delete-limit.ts';
import { assertOwnTarget, mayTakeOver } from '../../shared/batch/own-target.ts';
import { DataHubError } from '../../shared/errors.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import { isEmptyView } from '../../shared/source/capture.ts';
import type { SourceView } from '../../shared/source/describe-view.ts';
import { readBriefly } from '../../shared/source/read-briefly.ts';
import type { Extraction } from './extraction.ts';

/**
 * Before a batch with the whole view changes anything: throws `configuration` for the target of another installation, unless an operator's
 * resync takes it over, and when an empty view would empty its target and no operator has accepted that. Then it finishes a replacement of the
 * target that an earlier call has left.
 */
export async function openTarget(
  client: pg.ClientBase,
  { source, deadline }: Extraction,
  view: SourceView,
  dependencies: Dependencies,
): Promise<void> {
  const { warehouse } = dependencies;
  const target = await warehouse.findTarget(source);
  if (!mayTakeOver(source)) await assertOwnTarget(source.name, target, dependencies);
  if (target !== null && !source.acceptsDeletes && (await isSeenEmpty(client, view))) {
    const { targetRows } = await warehouse.readTarget(source, target, deadline);
    if (targetRows > 0n) throw wouldEmptyTarget(source.name, targetRows);
  }
  await warehouse.finishReplacement(view.shape, deadline);
}

/** A view that takes long to tell is copied; the delete limit holds for it all the same. */
async function isSeenEmpty(client: pg.ClientBase, view: SourceView): Promise<boolean> {
  const seen = await readBriefly(client, async () => ({ isEmpty: await isEmptyView(client, view) }));
  return seen?.isEmpty === true;
}

function wouldEmptyTarget(view: string, targetRows: bigint): DataHubError {
  return new DataHubError(
    'configuration',
    `view ${view} has no rows, but its target has ${targetRows} from before: a load would delete them all`,
    { context: { view }, advice: acceptDeletesAdvice(view) },
  );
}
