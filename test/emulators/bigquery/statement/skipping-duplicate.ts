import { BigQueryError } from '../error.ts';
import type { Outcome } from './statement-context.ts';

/**
 * Creates an object, but skips an existing one if the statement has IF NOT EXISTS.
 * https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language
 */
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
