import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { UnloggedChanges } from '../../shared/source/unlogged-changes.ts';
import type { Extraction } from './extraction.ts';
import type { BatchResult } from './hand-over.ts';

/**
 * Requests a resync. The checkpoint does not move past the log row that asks for it, so that an interruption, or an operator who withdraws the request,
 * repeats it; a checkpoint of another log is deleted first, so that the next batch carries the whole view, whatever happens.
 */
export async function handleUnlogged(
  { source, lease }: Extraction,
  { reason, isOtherLog }: UnloggedChanges,
  { control, log }: Dependencies,
): Promise<BatchResult> {
  const view = source.name;
  if (isOtherLog) await control.checkpoints.forget(lease);
  await control.schemaChanges.requestResync(lease, { kind: 'log', action: 'resync', details: { reason } });
  log.warn({ view, reason }, 'changes without log rows: resync requested');
  return { outcome: 'resync requested', view };
}
