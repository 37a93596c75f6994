import type { BigQuery } from '@google-cloud/bigquery';
import { codeOf, fromGoogle } from '../google/google-errors.ts';

/** The location of a dataset; null if it does not exist. */
export async function datasetLocation(bigquery: BigQuery, dataset: string): Promise<string | null> {
  try {
    const [metadata] = await bigquery.dataset(dataset).getMetadata();
    return String(metadata.location);
  } catch (error) {
    if (codeOf(error) === 404) return null;
    throw fromGoogle(error, `dataset ${dataset}`);
  }
}
