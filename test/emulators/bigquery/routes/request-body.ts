import { z } from 'zod';

/** The fields of request bodies that the emulator reads. It ignores all others. */

const labels = z.record(z.string(), z.string().nullable());

const datasetReference = z.object({ projectId: z.string().optional(), datasetId: z.string() });

const tableReference = z.object({ projectId: z.string(), datasetId: z.string(), tableId: z.string() });

export interface FieldBody {
  name: string;
  type: string;
  mode?: string | undefined;
  fields?: FieldBody[] | undefined;
  description?: string | undefined;
  defaultValueExpression?: string | undefined;
}

const field: z.ZodType<FieldBody> = z.lazy(() =>
  z.object({
    name: z.string(),
    type: z.string(),
    mode: z.string().optional(),
    fields: z.array(field).optional(),
    description: z.string().optional(),
    defaultValueExpression: z.string().optional(),
  }),
);

const schema = z.object({ fields: z.array(field).default([]) });

/** 64-bit numbers are strings in JSON, but the client sends some of them as numbers. */
const int64 = z.union([z.string().regex(/^-?\d+$/), z.number().int()]).transform(String);

const described = {
  description: z.string().nullish(),
  friendlyName: z.string().nullish(),
  labels: labels.nullish(),
};

export const datasetBody = z.object({
  ...described,
  datasetReference: datasetReference.optional(),
  location: z.string().optional(),
});

const tableSettings = {
  timePartitioning: z
    .object({ type: z.string(), field: z.string().optional(), expirationMs: int64.optional() })
    .optional(),
  rangePartitioning: z
    .object({ field: z.string(), range: z.object({ start: int64, end: int64, interval: int64 }) })
    .optional(),
  clustering: z.object({ fields: z.array(z.string()) }).optional(),
  tableConstraints: z
    .object({
      primaryKey: z.object({ columns: z.array(z.string()) }).optional(),
      foreignKeys: z
        .array(
          z.object({
            name: z.string().optional(),
            referencedTable: tableReference,
            columnReferences: z.array(
              z.object({ referencingColumn: z.string(), referencedColumn: z.string() }),
            ),
          }),
        )
        .optional(),
    })
    .optional(),
  requirePartitionFilter: z.boolean().optional(),
  expirationTime: int64.optional(),
  maxStaleness: z.string().optional(),
};

export const tableBody = z.object({
  ...described,
  tableReference: z.object({ tableId: z.string() }).optional(),
  schema: schema.optional(),
  view: z.object({ query: z.string(), useLegacySql: z.boolean().optional() }).optional(),
  ...tableSettings,
});

export type TableBody = z.infer<typeof tableBody>;

const parameterType: z.ZodType<ParameterTypeBody> = z.lazy(() =>
  z.object({
    type: z.string(),
    arrayType: parameterType.optional(),
    structTypes: z.array(z.object({ name: z.string().optional(), type: parameterType })).optional(),
  }),
);

interface ParameterTypeBody {
  type: string;
  arrayType?: ParameterTypeBody | undefined;
  structTypes?: { name?: string | undefined; type: ParameterTypeBody }[] | undefined;
}

const parameterValue: z.ZodType<ParameterValueBody> = z.lazy(() =>
  z.object({
    value: z
      .union([z.string(), z.number(), z.boolean()])
      .transform((value) => String(value))
      .nullish(),
    arrayValues: z.array(parameterValue).optional(),
    structValues: z.record(z.string(), parameterValue).optional(),
  }),
);

interface ParameterValueBody {
  value?: string | null | undefined;
  arrayValues?: ParameterValueBody[] | undefined;
  structValues?: Record<string, ParameterValueBody> | undefined;
}

const queryParameters = z.array(
  z.object({ name: z.string().optional(), parameterType, parameterValue: parameterValue.optional() }),
);

const queryConfiguration = z.object({
  query: z.string(),
  useLegacySql: z.boolean().default(true),
  defaultDataset: datasetReference.nullish().transform((value) => value ?? undefined),
  queryParameters: queryParameters.optional(),
  parameterMode: z.string().optional(),
  destinationTable: tableReference.optional(),
  writeDisposition: z.string().optional(),
  createSession: z.boolean().optional(),
});

const loadConfiguration = z.object({
  sourceUris: z.array(z.string()).optional(),
  destinationTable: tableReference.optional(),
  sourceFormat: z.string().optional(),
  schema: schema.optional(),
  writeDisposition: z.string().optional(),
  createDisposition: z.string().optional(),
  maxBadRecords: z.number().optional(),
  ignoreUnknownValues: z.boolean().optional(),
  autodetect: z.boolean().optional(),
  timePartitioning: tableSettings.timePartitioning,
  clustering: tableSettings.clustering,
});

const jobLimits = {
  dryRun: z.boolean().optional(),
  jobTimeoutMs: int64.optional(),
  labels: z.record(z.string(), z.string()).optional(),
};

export const jobBody = z.object({
  jobReference: z
    .object({
      projectId: z.string().optional(),
      jobId: z.string().optional(),
      location: z.string().optional(),
    })
    .optional(),
  configuration: z.object({
    query: queryConfiguration.optional(),
    load: loadConfiguration.optional(),
    ...jobLimits,
  }),
});

export const timestampFormats = z.object({
  useInt64Timestamp: z.union([z.boolean(), z.literal(['true', 'false'])]).optional(),
  timestampOutputFormat: z.string().optional(),
});

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query */
export const queryBody = queryConfiguration.extend({
  ...jobLimits,
  location: z.string().optional(),
  maxResults: z.number().int().nonnegative().optional(),
  timeoutMs: z.coerce.number().optional(),
  requestId: z.string().optional(),
  formatOptions: timestampFormats.optional(),
});
