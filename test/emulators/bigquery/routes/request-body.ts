import { z } from 'zod';

/** The parts of request bodies that the emulator reads. It ignores other parts. */

const tableReference = z.object({ projectId: z.string(), datasetId: z.string(), tableId: z.string() });

/** 64-bit numbers are strings in the REST interface; the client writes some of them as numbers. */
const int64 = z.union([z.string().regex(/^-?\d+$/), z.number().int()]).transform(String);

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets#Dataset */
export const datasetBody = z.object({
  datasetReference: z.object({ datasetId: z.string() }),
  location: z.string().optional(),
});

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/datasets/patch */
export const datasetPatch = z.object({
  defaultCollation: z.enum(['', 'und:ci']).optional(),
  defaultPartitionExpirationMs: int64.optional(),
});

const parameterValue = z.object({ value: z.union([z.string(), z.number(), z.boolean()]).transform(String) });

/** Named parameters of scalar types and arrays of them, without NULL. Others are refused as invalid. */
const queryParameters = z.array(
  z.union([
    z.object({
      name: z.string().min(1),
      parameterType: z.object({ type: z.literal('ARRAY'), arrayType: z.object({ type: z.string() }) }),
      // Google's client leaves out an empty list.
      parameterValue: z.object({ arrayValues: z.array(parameterValue).default([]) }),
    }),
    z.object({ name: z.string().min(1), parameterType: z.object({ type: z.string() }), parameterValue }),
  ]),
);

const queryConfiguration = z.object({
  query: z.string(),
  useLegacySql: z.boolean().default(true),
  defaultDataset: z
    .object({ projectId: z.string().optional(), datasetId: z.string() })
    .nullish()
    .transform((value) => value ?? undefined),
  queryParameters: queryParameters.optional(),
  destinationTable: tableReference.optional(),
  createSession: z.boolean().optional(),
  maximumBytesBilled: int64.optional(),
});

const loadConfiguration = z.object({
  sourceUris: z.array(z.string()).optional(),
  destinationTable: tableReference.optional(),
  sourceFormat: z.string().optional(),
  schema: z.looseObject({}).optional(),
  writeDisposition: z.string().optional(),
  maxBadRecords: z.number().optional(),
  ignoreUnknownValues: z.boolean().optional(),
  autodetect: z.boolean().optional(),
  useAvroLogicalTypes: z.boolean().optional(),
  decimalTargetTypes: z.array(z.string()).optional(),
});

const jobLimits = {
  dryRun: z.boolean().optional(),
  jobTimeoutMs: int64.optional(),
  labels: z.record(z.string(), z.string()).optional(),
};

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/Job */
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

/** https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query#queryrequest */
export const queryBody = queryConfiguration.extend({
  ...jobLimits,
  location: z.string().optional(),
  maxResults: z.number().int().nonnegative().optional(),
  timeoutMs: z.coerce.number().optional(),
  requestId: z.string().optional(),
  formatOptions: z.strictObject({ useInt64Timestamp: z.boolean().optional() }).optional(),
});
