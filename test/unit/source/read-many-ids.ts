import { parentPort } from 'node:worker_threads';
import type { Queryable } from '../../../shared/postgres/transaction.ts';
import { readVisibleIds } from '../../../shared/source/visible-ids.ts';

// A worker of visible-ids.test.ts: reads as many ids as it is asked to, every other one of which is missing.

const ODD_IDS = '-6148914691236517206';
const WORD_IDS = 64;

parentPort?.once('message', (ids: number) => {
  const words = Array.from({ length: ids / WORD_IDS }, (_, word) => `${word} 1 ${ODD_IDS}`).join(',');
  const client = { query: async () => ({ rows: [{ words }] }) } as unknown as Queryable;
  void readVisibleIds(client, 'log').then((text) => parentPort?.postMessage(text));
});
