import type { Config } from '../../../shared/config/config.ts';

const CONSOLE = 'https://console.cloud.google.com';

/** The details of a BigQuery job, as dbt's and Google's own samples link to it. */
export function jobLink(
  { projectId, location }: Pick<Config, 'projectId' | 'location'>,
  jobId: string,
): string {
  const query = new URLSearchParams({ project: projectId, page: 'queryresults' });
  return `${CONSOLE}/bigquery?${query}&j=bq:${encodeURIComponent(location)}:${encodeURIComponent(jobId)}`;
}

type Bucket = Pick<Config, 'projectId' | 'stagingBucket'>;

/** The objects below a prefix of the staging bucket. */
export const folderLink = ({ projectId, stagingBucket }: Bucket, prefix: string): string =>
  `${CONSOLE}/storage/browser/${stagingBucket}/${encodedPath(prefix)}?${new URLSearchParams({ project: projectId })}`;

/** One object of the staging bucket. */
export const objectLink = ({ projectId, stagingBucket }: Bucket, name: string): string =>
  `${CONSOLE}/storage/browser/_details/${stagingBucket}/${encodedPath(name)}?${new URLSearchParams({ project: projectId })}`;

const encodedPath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
