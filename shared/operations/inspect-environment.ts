import type { Config } from '../config/config.ts';
import type { Dependencies } from '../runtime/dependencies.ts';
import type { Finding } from '../source/inspect-server.ts';

/** Settings that Terraform refuses, but that an environment made by hand may have. */
export function environmentFindings({ datasets, logLevel }: Config): Finding[] {
  const check = 'environment';
  const isQuiet = ['warn', 'error', 'fatal'].includes(logLevel);
  const isShared = new Set(Object.values(datasets)).size < Object.keys(datasets).length;
  return [
    ...(isQuiet
      ? [
          {
            check,
            ok: true,
            message: `LOG_LEVEL is ${logLevel}: metrics and alerts see nothing, since they read lines of the level info`,
            advice: 'Set LOG_LEVEL to info, or leave it out.',
          },
        ]
      : []),
    ...(isShared
      ? [
          {
            check,
            ok: false,
            message:
              'TEMP_DATASET, TARGET_DATASET and VIEW_DATASET are not three datasets: a target can take the name of a temp table or of a reporting view, and readers of one see the others',
            advice:
              'Use three datasets. Their tables cannot be moved: set the variables, then resync every view.',
          },
        ]
      : []),
  ];
}

/** Whether the staging bucket is where the datasets are. */
export async function inspectBucket({ config, staging }: Dependencies): Promise<string | Finding[]> {
  return regionOf('staging bucket', await staging.location(), config.location);
}

/** Whether a dataset exists, in the configured location. */
export async function inspectDataset(
  dataset: string,
  { config, warehouse }: Dependencies,
): Promise<string | Finding[]> {
  const location = await warehouse.datasetLocation(dataset);
  if (location !== null) return regionOf(`dataset ${dataset}`, location, config.location);
  return [
    {
      check: `dataset ${dataset}`,
      ok: false,
      message: 'does not exist',
      advice: `If its variable is right, create it: terraform apply does, or run: create schema \`${config.projectId}.${dataset}\` options (location = '${config.location}');`,
    },
  ];
}

/** Whether all topics exist to which the functions publish. */
export async function inspectTopics({ events }: Pick<Dependencies, 'events'>): Promise<string | Finding[]> {
  const missing = await events.missingTopics();
  if (missing.length === 0) return 'all exist';
  return [
    {
      check: 'topics',
      ok: false,
      message: `missing: ${missing.join(', ')}`,
      advice:
        'If the variables TOPIC_… are right, create them: terraform apply does. A topic without its trigger delivers nothing.',
    },
  ];
}

function regionOf(what: string, found: string, wanted: string): string | Finding[] {
  if (found.toLowerCase() === wanted.toLowerCase()) return `in ${found}`;
  return [
    {
      check: what,
      ok: false,
      message: `${what} is in ${found}, but BIGQUERY_LOCATION is ${wanted}`,
      advice:
        'Bucket, datasets and BIGQUERY_LOCATION must be in one location. A dataset cannot be moved, only created again.',
    },
  ];
}
