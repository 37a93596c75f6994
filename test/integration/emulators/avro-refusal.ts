import assert from 'node:assert/strict';
import { failure, type Project } from './bigquery-project.ts';

/** Loads a good file and then a bad one: the job fails because of the second, and adds nothing. Answers the message. */
export async function refusal(project: Project, table: string, good: Buffer, bad: Buffer): Promise<string> {
  const uris = [
    await project.putBytes(`${table}/good.avro`, good),
    await project.putBytes(`${table}/bad.avro`, bad),
  ];
  const job = await project.load(table, uris, {
    sourceFormat: 'AVRO',
    useAvroLogicalTypes: true,
    decimalTargetTypes: ['NUMERIC', 'BIGNUMERIC'],
  });
  assert.equal(failure(job).reason, 'invalid');
  assert.equal(job.metadata.status.errorResult.location, uris[1]);
  assert.deepEqual(await project.values(`select count(*) from d.${table}`), [0]);
  const { message } = failure(job);
  assert.match(
    message,
    /^Error while reading data, error message: The Apache Avro library failed to read data/,
  );
  assert.ok(message.endsWith(` File: ${uris[1]}`), message);
  return message;
}
