import assert from 'node:assert/strict';
import { withoutValues } from '../../../shared/google/without-values.ts';

const FILE = 'File: gs://staging/pmr_project/7/upserts-00000.ndjson.gz';

describe('a message of BigQuery', () => {
  for (const [message, shown] of [
    [
      'Could not convert value to int64. Field: n; Value: "12 pieces"',
      'Could not convert value to int64. Field: n; Value: …',
    ],
    [`Field: n; Value: two\nlines; Value: three ${FILE}`, `Field: n; Value: … ${FILE}`],
    ['Field: n; Value: secret File: gs://not-ours/secret', 'Field: n; Value: …'],
    [
      'Could not convert value to date. Field: d; Value: 3000000. File: gs://staging/v/7/upserts-00000.avro',
      'Could not convert value to date. Field: d; Value: … File: gs://staging/v/7/upserts-00000.avro',
    ],
    ["Could not parse 'it's a secret' as INT64 for field n", "Could not parse '…' as INT64 for field n"],
    ['Invalid NUMERIC value: 123.45e99 Field: share', 'Invalid NUMERIC value: …'],
    ["Invalid timestamp: '2026-13-01'; while reading", 'Invalid timestamp: …'],
    [
      'Invalid timestamp string "Müller" Field: ts; Value: Müller',
      'Invalid timestamp string "…" Field: ts; Value: …',
    ],
    ["Cannot coerce 'Müller' into INT64", "Cannot coerce '…' into INT64"],
    ['Unexpected "it is "secret"" here', 'Unexpected "…" here'],
    ["Failed on 'it's a secret' of column 'n'", "Failed on '…'"],
    [
      `Could not cast 'x' to DATE for field "d", got "Müller"`,
      `Could not cast '…' to DATE for field "d", got "…"`,
    ],
    ['Bad int64 value: abc', 'Bad int64 value: …'],
    [
      'Cannot return an invalid timestamp value of 253402300800000000 microseconds',
      'Cannot return an invalid timestamp value of … microseconds',
    ],
  ] as const) {
    it(`loses the values of rows: ${JSON.stringify(message)}`, () => {
      assert.equal(withoutValues(message), shown);
    });
  }

  for (const message of [
    'Not found: Table p:SMartData_Temp.temp_project',
    'Access Denied: Dataset p:SMartDataAnalytics: Permission bigquery.tables.get denied',
    'duplicate_key: view pmr_project: keys 1, 2',
    `JSON parsing error in row starting at position 17: Parser terminated before end of string ${FILE}`,
    'Invalid field name "a b". Fields must contain only letters',
    "Permission 'bigquery.tables.get' denied on resource 'projects/p' (or it may not exist).",
    "The table doesn't exist, and can't be made",
    "Quota exceeded for quota metric 'Queries' and limit 'Queries per minute' of service 'bigquery.googleapis.com'",
    'Query error: delete from `p.d.t` where `k` in (1)',
    "Not found: Dataset 'p:d' was not found in location 'EU'",
    'Provided Schema does not match Table p:d.t. Field n has changed type from INTEGER to STRING',
  ]) {
    it(`keeps everything else: ${message}`, () => {
      assert.equal(withoutValues(message), message);
    });
  }
});
