import { DataHubError } from '../../../shared/errors.ts';
import type { ReportedRow } from '../../../shared/staging/read-report.ts';
import type { Staging } from '../../../shared/staging/staging.ts';

/** Reads the values of rows from the report of a check. Throws `staging_lost` if the report is gone: the bucket keeps it for some time only. */
export async function readValues(
  report: string,
  keys: ReadonlySet<string>,
  staging: Pick<Staging, 'readReport'>,
): Promise<ReportedRow[]> {
  return await staging.readReport(report, keys).catch((error: unknown) => {
    const isLost = error instanceof DataHubError && error.kind === 'staging_lost';
    throw isLost ? error.withAdvice('Check the view again: that writes a new report.') : error;
  });
}
