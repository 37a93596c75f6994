import { asDataHubError } from '../../shared/errors.ts';
import type { Column, TableShape } from '../../shared/model/columns.ts';
import type { Dependencies } from '../../shared/runtime/dependencies.ts';
import type { Extraction } from './extraction.ts';

/** Makes the reporting view again if somebody dropped or replaced it. Another statement that creates it changes the fingerprint of the objects. */
export async function keepReportingView(
  extraction: Extraction,
  shape: TableShape,
  dependencies: Dependencies,
): Promise<void> {
  const { source } = extraction;
  const { log, warehouse } = dependencies;
  const reason = await warehouse.reportingViewFault(shape, source, source.reportingViewHash);
  if (reason === null) return;
  if (await makeReportingView(extraction, shape, [], dependencies))
    log.warn({ view: source.name, reason }, 'reporting view created again');
}

/**
 * Creates the reporting view, without the columns that are `hidden`. Returns false if BigQuery refuses it: that costs reports and not replication, so it is logged,
 * and the next batch tries again. Throws `transient`.
 */
export async function makeReportingView(
  { source, lease, deadline }: Extraction,
  shape: TableShape,
  hidden: readonly Column[],
  { control, log, warehouse }: Dependencies,
): Promise<boolean> {
  try {
    await warehouse.makeReportingView({ shape, layout: source, hidden }, lease.token, deadline);
  } catch (thrown) {
    const error = asDataHubError(thrown);
    if (error.kind === 'transient' || error.kind === 'bug') throw error;
    // Otherwise a view of another statement would pass for the one that is wanted.
    await control.targetChecks.setReportingViewHash(lease, null);
    const { kind, message, advice } = error;
    log.warn({ view: source.name, kind, error: message, advice }, 'reporting view refused');
    return false;
  }
  await control.targetChecks.setReportingViewHash(lease, await warehouse.reportingViewHash(shape));
  return true;
}
