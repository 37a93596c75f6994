import type { ExtractResult } from '../../../functions/extract/extract-view.ts';
import { tick } from '../../../functions/extract/tick.ts';
import type { ApplyResult } from '../../../shared/batch/apply-batch.ts';
import { parseBatchEvent } from '../../../shared/events/batch-event.ts';
import { parseExtractEvent } from '../../../shared/events/extract-event.ts';
import type { Installation } from '../../support/installation.ts';
import { isRecoverable } from '../../support/is-recoverable.ts';

/** A published message and the function that receives it. */
export type Message = { to: 'extract' | 'merge' | 'stream'; payload: unknown };

/** The handler would answer an error, so that Pub/Sub would deliver the message again. */
export type Refused = { outcome: 'will be redelivered'; why: string };
export type Answer = ExtractResult | ApplyResult | { outcome: 'fanned out'; views: string[] } | Refused;

/** Returns the messages published since the last call. */
export async function takeMessages({ mailboxes }: Installation): Promise<Message[]> {
  const taken: Message[] = [];
  for (const to of ['extract', 'merge', 'stream'] as const) {
    for (const payload of await mailboxes[to].take()) taken.push({ to, payload });
  }
  return taken;
}

/** Handles a message as the function's handler does. Throws an error that would halt the view or dead-letter the event. */
export async function deliver({ to, payload }: Message, on: Installation): Promise<Answer> {
  try {
    if (to !== 'extract') {
      const { view, etlTransactionId } = parseBatchEvent(payload);
      return await on[to]({ view, etlTransactionId: String(etlTransactionId) });
    }
    const event = parseExtractEvent(payload);
    if (event.command === 'tick') {
      const { views } = await tick('test', on.dependencies);
      return { outcome: 'fanned out', views };
    }
    if (event.command === 'extract') return await on.extract(event.view, event.trigger);
    throw new RangeError(`no function publishes ${JSON.stringify(payload)}`);
  } catch (error) {
    if (!isRecoverable(error)) throw error;
    return { outcome: 'will be redelivered', why: error.message };
  }
}

/** Ticks, and delivers all published messages, until no view has work left. Returns the delivered messages. */
export async function deliverAll(on: Installation): Promise<Message[]> {
  const delivered: Message[] = [];
  for (let rounds = 0; rounds < MAX_ROUNDS; rounds += 1) {
    const messages: Message[] = [{ to: 'extract', payload: {} }];
    let isIdle = true;
    for (let message = messages.shift(); message !== undefined; message = messages.shift()) {
      const answer = await deliver(message, on);
      delivered.push(message);
      const isUnchanged = answer.outcome === 'idle' && answer.logRows === '0';
      if (!isUnchanged && answer.outcome !== 'fanned out' && answer.outcome !== 'already finished')
        isIdle = false;
      messages.push(...(await takeMessages(on)));
    }
    if (isIdle) return delivered;
  }
  throw new Error(`the views still have work after ${MAX_ROUNDS} rounds`);
}

const MAX_ROUNDS = 20;
