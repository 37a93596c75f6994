import { BigQueryError } from '../error.ts';
import type { Outcome } from './statement-context.ts';

/** Creates something; with IF NOT EXISTS (`skip`), only if it does not exist. */
export async function skippingDuplicate(
  statementType: string,
  skip: boolean,
  create: () => Promise<void>,
): Promise<Outcome> {
  try {
    await create();
    return { statistics: { statementType, ddlOperationPerformed: 'CREATE' } };
  } catch (error) {
    if (!skip || !(error instanceof BigQueryError) || error.reason !== 'duplicate') throw error;
    return { statistics: { statementType, ddlOperationPerformed: 'SKIP' } };
  }
}
