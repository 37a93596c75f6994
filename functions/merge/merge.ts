import { parseBatchEvent } from '../../shared/events/messages.ts';
import { handle } from '../../shared/runtime/handle.ts';
import { mergeBatch } from './merge-batch.ts';

/** The function `merge`: applies the batch that the event names to its target. */
export const merge = handle('merge', (payload, invocation, dependencies) =>
  mergeBatch(parseBatchEvent(payload), invocation, dependencies),
);
