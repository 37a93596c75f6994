import { z } from 'zod';
import { ADVICE, DataHubError, type ErrorKind } from '../errors.ts';
import { adminConfig, adminVariables } from './admin-config.ts';
import { contradictions, databaseConfig, databaseVariables } from './database-config.ts';
import { NO_SECRETS, type ReadSecrets } from './read-secrets.ts';

const seconds = (fallback: number, description: string) => wholeNumber(fallback, 1, 86_400, description);

function wholeNumber(fallback: number, low: number, high: number, description: string) {
  return z
    .string()
    .regex(/^\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((n) => n >= low && n <= high, { error: `must be between ${low} and ${high}` })
    .default(fallback)
    .meta({ description, allowed: `${low} to ${high}` });
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) instanceof Intl.DateTimeFormat;
  } catch {
    return false;
  }
}

const dataset = (fallback: string, description: string) =>
  z
    .string()
    .regex(/^\w{1,1024}$/, 'may only contain letters, digits and underscores')
    .default(fallback)
    .meta({ description, allowed: 'letters, digits, underscores' });
const topic = (fallback: string, description: string) =>
  z
    .string()
    .regex(/^[A-Za-z][\w.~+%-]{2,254}$/, 'is not a Pub/Sub topic name')
    .default(fallback)
    .meta({ description, allowed: 'a Pub/Sub topic name' });
const table = (fallback: string, description: string) =>
  z.string().min(1).default(fallback).meta({ description, allowed: 'a table name without schema' });

/**
 * The environment variables. Each message follows the name of its variable. The descriptions are the table of docs/configuration.md: after
 * a change, run `npm run generate`.
 */
export const environment = z.object({
  GOOGLE_CLOUD_PROJECT: z
    .string({ error: 'is missing' })
    .regex(/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/, 'is not a project id')
    .meta({
      description: 'The project that holds the datasets, the bucket and the topics.',
      allowed: 'a project id',
    }),
  ...databaseVariables,
  STAGING_BUCKET: z
    .string({ error: 'is missing' })
    .regex(/^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/, 'is not a bucket name')
    .meta({ description: 'The Cloud Storage bucket of the staged objects.', allowed: 'a bucket name' }),
  BIGQUERY_LOCATION: z
    .string({ error: 'is missing' })
    .regex(/^[A-Za-z][A-Za-z0-9-]+$/, 'is not a location')
    .meta({
      description: 'The location of the datasets and the bucket.',
      allowed: '`EU`, `US` or a region',
    }),
  TEMP_DATASET: dataset(
    'SMartData_Temp',
    'The existing dataset for the temp tables and the ledger of merged batches.',
  ),
  TARGET_DATASET: dataset(
    'SMartDataAnalytics',
    'The existing dataset for the target tables and their merge procedures.',
  ),
  VIEW_DATASET: dataset('View_SMartData', 'The existing dataset for the reporting views.'),
  TOPIC_EXTRACT: topic('cdc-extract', 'The topic that triggers `extract`.'),
  TOPIC_MERGE: topic('cdc-merge', 'The topic that triggers `merge`.'),
  TOPIC_STREAM: topic('cdc-stream', 'The topic that triggers `stream`.'),
  TOPIC_RECONCILE: topic('cdc-reconcile', 'The topic that triggers `reconcile`.'),
  TOPIC_DEAD_LETTER: topic('cdc-dead-letter', 'The topic for dead letters.'),
  CHANGE_LOG_TABLE: table('models_logging_change', 'The change log in the source.'),
  CONTENT_TYPE_TABLE: table('django_content_type', 'The table of Django content types in the source.'),
  GRACE_SECONDS: seconds(
    60,
    'Seconds that a transaction may take from drawing its log id to getting its transaction id.',
  ),
  LEASE_SECONDS: seconds(60, 'Seconds without a heartbeat after which another run may take over a view.'),
  TIME_LIMIT_SECONDS: seconds(
    540,
    'The time limit of the deployed function in seconds; work ends shortly before it.',
  ),
  STATEMENT_TIMEOUT_SECONDS: seconds(480, 'Seconds after which either database cancels a statement.'),
  CONNECT_TIMEOUT_SECONDS: seconds(10, 'Seconds to wait for a database connection.'),
  CALL_TIMEOUT_SECONDS: seconds(60, 'Seconds to wait for an answer of a Google API before a retry.'),
  FLOOR_WARNING_SECONDS: seconds(
    3600,
    'Seconds that a transaction of the source may hold back the floor before `floor stuck` is logged.',
  ),
  LAG_WARNING_SECONDS: seconds(1800, 'Seconds that a view may be behind before `view behind` is logged.'),
  // Longer than Pub/Sub keeps a message that names a batch.
  KEEP_DAYS: wholeNumber(
    90,
    8,
    36_500,
    'Days that the control database keeps finished batches, resolved failures and changes of views.',
  ),
  MAX_BATCH_LOG_ROWS: wholeNumber(
    200_000,
    1,
    2_000_000,
    'Log rows of a view in one batch; the next batch carries the rest.',
  ),
  MAX_PART_BYTES: wholeNumber(
    128 * 1024 * 1024,
    1024,
    4_000_000_000,
    'Bytes of a staged object, before compression, after which the next object begins.',
  ),
  SLICE_ROWS: wholeNumber(1_000_000, 1, 1_000_000_000, 'Rows of the main table per slice, about.'),
  MAX_SLICES: wholeNumber(4, 1, 16, 'Slices of a whole view that are copied at a time, at most.'),
  SOURCE_CONNECTIONS: wholeNumber(
    10,
    2,
    100,
    'Connections of one instance to the source, at most; more than `MAX_SLICES`, since each slice uses one of them.',
  ),
  SOURCE_TIME_ZONE: z
    .string()
    .refine(isTimeZone, { error: 'is not the name of a time zone' })
    .default('UTC')
    .meta({
      description:
        'The time zone in which the views of the source compute, for example the day of a timestamp; times in the targets are UTC.',
      allowed: 'a name such as `Europe/Berlin`',
    }),
  CHECK_WAIT_SECONDS: wholeNumber(
    60,
    0,
    500,
    'Seconds that a check of a view waits for the next batch before it leaves the rest to the next tick.',
  ),
  CHECK_SETTLE_SECONDS: wholeNumber(
    30,
    0,
    3600,
    'Seconds that the application may take from changing a row to writing its log row: a check looks a second time at rows that differ only after them.',
  ),
  ROW_VALUES: z.enum(['true', 'false']).default('false').meta({
    description:
      'Whether `extract` answers the values of a row that somebody looks up, which everybody who may call it then reads. `admin` shows them to its operators in any case.',
  }),
  ...adminVariables,
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
    .default('info')
    .meta({ description: 'The lowest level that is logged; metrics and alerts need `info`.' }),
});

const TOPICS = [
  'TOPIC_EXTRACT',
  'TOPIC_MERGE',
  'TOPIC_STREAM',
  'TOPIC_RECONCILE',
  'TOPIC_DEAD_LETTER',
] as const;

const usableEnvironment = environment
  .refine((given) => given.SOURCE_CONNECTIONS > given.MAX_SLICES, {
    path: ['SOURCE_CONNECTIONS'],
    error: 'must be greater than MAX_SLICES',
  })
  // A dead letter that comes back as an event fails again, and is dead-lettered again.
  .refine((given) => new Set(TOPICS.map((name) => given[name])).size === TOPICS.length, {
    path: [TOPICS.join(', ')],
    error: 'must be different topics',
  })
  .refine((given) => given.ADMIN_SIGN_IN !== 'iap' || given.ADMIN_IAP_AUDIENCE !== undefined, {
    path: ['ADMIN_IAP_AUDIENCE'],
    error: 'is missing, which ADMIN_SIGN_IN=iap needs',
  });

/** The names of all variables that a function reads. */
export const ENVIRONMENT_NAMES = Object.keys(environment.shape);

export type Config = ReturnType<typeof parseConfig>;

/**
 * Parses the configuration of a function from its environment and the secrets that the environment names. Throws one error that names every
 * variable that is missing, malformed or unreadable, and never contains a value. Its kind is `environment`, or the kind that reading the
 * secrets threw when nothing else is wrong.
 */
export function parseConfig(env: Record<string, string | undefined>, secrets: ReadSecrets = NO_SECRETS) {
  const read = [...secrets.read].map(([name, { value }]) => [name, value] as const);
  // An empty variable counts as absent: deployment tools cannot always leave one out.
  const given = Object.fromEntries([...Object.entries(env), ...read].filter(([, value]) => value !== ''));
  const parsed = usableEnvironment.safeParse(given);
  const faults = [
    ...(parsed.error?.issues ?? [])
      .filter(({ path: [name] }) => !secrets.faults.has(String(name)))
      .map(({ path, message }) => `${path.join('.')} ${message}`),
    ...contradictions(given),
  ];
  if (!parsed.success || faults.length > 0 || secrets.faults.size > 0) throw unusable(faults, secrets);
  const e = parsed.data;
  const referenceOf = (variable: string) => secrets.read.get(variable)?.reference ?? null;
  return {
    projectId: e.GOOGLE_CLOUD_PROJECT,
    sourceDatabase: databaseConfig('source', e, referenceOf('SOURCE_DATABASE_URL')),
    controlDatabase: databaseConfig('control', e, referenceOf('CONTROL_DATABASE_URL')),
    stagingBucket: e.STAGING_BUCKET,
    location: e.BIGQUERY_LOCATION,
    datasets: { temp: e.TEMP_DATASET, target: e.TARGET_DATASET, view: e.VIEW_DATASET },
    topics: {
      extract: e.TOPIC_EXTRACT,
      merge: e.TOPIC_MERGE,
      stream: e.TOPIC_STREAM,
      reconcile: e.TOPIC_RECONCILE,
      deadLetter: e.TOPIC_DEAD_LETTER,
    },
    changeLogTable: e.CHANGE_LOG_TABLE,
    contentTypeTable: e.CONTENT_TYPE_TABLE,
    graceSeconds: e.GRACE_SECONDS,
    leaseSeconds: e.LEASE_SECONDS,
    timeLimitSeconds: e.TIME_LIMIT_SECONDS,
    statementTimeoutSeconds: e.STATEMENT_TIMEOUT_SECONDS,
    connectTimeoutSeconds: e.CONNECT_TIMEOUT_SECONDS,
    callTimeoutSeconds: e.CALL_TIMEOUT_SECONDS,
    floorWarningSeconds: e.FLOOR_WARNING_SECONDS,
    lagWarningSeconds: e.LAG_WARNING_SECONDS,
    keepDays: e.KEEP_DAYS,
    maxBatchLogRows: e.MAX_BATCH_LOG_ROWS,
    maxPartBytes: e.MAX_PART_BYTES,
    sliceRows: e.SLICE_ROWS,
    maxSlices: e.MAX_SLICES,
    sourceConnections: e.SOURCE_CONNECTIONS,
    sourceTimeZone: e.SOURCE_TIME_ZONE,
    checkWaitSeconds: e.CHECK_WAIT_SECONDS,
    checkSettleSeconds: e.CHECK_SETTLE_SECONDS,
    rowValues: e.ROW_VALUES === 'true',
    admin: adminConfig(e),
    logLevel: e.LOG_LEVEL,
  };
}

/** The variables that reading the source takes. */
const sourceEnvironment = environment.pick({
  SOURCE_DATABASE_URL: true,
  SOURCE_TLS: true,
  SOURCE_TLS_CA: true,
  SOURCE_CLOUD_SQL_INSTANCE: true,
  SOURCE_CLOUD_SQL_IP_TYPE: true,
  SOURCE_TIME_ZONE: true,
  CHANGE_LOG_TABLE: true,
  CONTENT_TYPE_TABLE: true,
  CONNECT_TIMEOUT_SECONDS: true,
  CALL_TIMEOUT_SECONDS: true,
});

/**
 * Parses what a command needs that reads nothing but the source. Throws `environment` as `parseConfig` does, without the variables of the
 * functions; a reference to a secret is no URL here.
 */
export function parseSourceConfig(env: Record<string, string | undefined>) {
  const given = Object.fromEntries(
    Object.entries(env).filter(([name, value]) => name in sourceEnvironment.shape && value !== ''),
  );
  const parsed = sourceEnvironment.safeParse(given);
  const faults = [
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`),
    ...contradictions(given),
  ];
  if (!parsed.success || faults.length > 0) throw unusable(faults, NO_SECRETS);
  const e = parsed.data;
  return {
    sourceDatabase: databaseConfig('source', e, null),
    sourceTimeZone: e.SOURCE_TIME_ZONE,
    changeLogTable: e.CHANGE_LOG_TABLE,
    contentTypeTable: e.CONTENT_TYPE_TABLE,
    connectTimeoutSeconds: e.CONNECT_TIMEOUT_SECONDS,
    callTimeoutSeconds: e.CALL_TIMEOUT_SECONDS,
  };
}

function unusable(faults: string[], { faults: unread }: ReadSecrets): DataHubError {
  const unreadable = [...unread].map(([name, { message }]) => `${name} ${message}`);
  const kinds = new Set<ErrorKind>([...unread.values()].map(({ kind }) => kind));
  const kind = [...kinds].find((each) => each !== 'transient') ?? 'transient';
  const isEnvironment = faults.length > 0 || kinds.has('environment');
  const advice = new Set([...unread.values()].map((error) => error.advice));
  if (faults.length > 0) advice.add(ADVICE.environment);
  return new DataHubError(
    isEnvironment ? 'environment' : kind,
    `The environment is not usable: ${[...faults, ...unreadable].join('; ')}.`,
    { advice: [...advice].join(' ') },
  );
}
