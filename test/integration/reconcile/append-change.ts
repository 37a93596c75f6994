import assert from 'node:assert/strict';
import { managedwriter } from '@google-cloud/bigquery-storage';
import { credentials } from '@grpc/grpc-js';
import { VIEW } from '../../faults/bad-data/thing-view.ts';
import type { Installation } from '../../support/installation.ts';
import { NUMBER, rowMessage } from '../emulators/bigquery-writer.ts';

const MESSAGE = rowMessage({
  thing_id: 'required int64',
  c_text: 'string',
  ...NUMBER,
  _CHANGE_TYPE: 'string',
});

/** Streams a change of the target `thing` that nobody knows of: later than the last batch of the view, and before the next one. */
export async function appendChange(
  on: Installation,
  type: 'UPSERT' | 'DELETE',
  row: { thing_id: string; c_text?: string },
): Promise<void> {
  const projectId = on.parts.env.GOOGLE_CLOUD_PROJECT ?? '';
  const [apiEndpoint = '', port = ''] = (process.env.BIGQUERY_STORAGE_EMULATOR_HOST ?? '').split(':');
  const sslCreds = credentials.createInsecure();
  const client = new managedwriter.WriterClient({ projectId, apiEndpoint, port: Number(port), sslCreds });
  try {
    const streamId = `projects/${projectId}/datasets/SMartDataAnalytics/tables/thing/streams/_default`;
    const connection = await client.createStreamConnection({ streamId });
    const writer = new managedwriter.Writer({ connection, protoDescriptor: MESSAGE.descriptor });
    const last = (await on.batches(VIEW)).at(-1);
    const sequence = `${BigInt(String(last?.id)).toString(16)}/FFFFFFFF`;
    const change = { ...row, _CHANGE_TYPE: type, _CHANGE_SEQUENCE_NUMBER: sequence };
    const { error, rowErrors } = await writer
      .appendRows({ serializedRows: [MESSAGE.encode(change)] })
      .getResult();
    assert.deepEqual([error ?? null, rowErrors ?? []], [null, []]);
  } finally {
    client.close();
  }
}
