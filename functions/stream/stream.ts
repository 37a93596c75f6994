import { parseBatchEvent } from '../../shared/events/messages.ts';
import { handle } from '../../shared/runtime/handle.ts';
import { streamBatch } from './stream-batch.ts';

/** The function `stream`: writes the batch that the event names to its target, row by row. */
export const stream = handle('stream', (payload, invocation, dependencies) =>
  streamBatch(parseBatchEvent(payload), invocation, dependencies),
);
