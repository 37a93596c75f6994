import assert from 'node:assert/strict';
import { useStack } from '../../support/use-installation.ts';
import { LOAD_TYPES, ThingView, VIEW } from './thing-view.ts';

const MEGABYTE = 1_000_000;
/** A text with characters that JSON escapes, and with multi-byte characters. */
const text = (megabytes: number) => `repeat(E'a"\\\\\\nก', ${Math.round((megabytes * MEGABYTE) / 7)})`;

describe('very large values', () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    it(`arrive complete with 10 MB each, next to small ones: ${loadType}`, async () => {
      const thing = await ThingView.install(stack, { loadType, columns: { note: 'text', more: 'jsonb' } });
      await thing.put('1', { note: `'small'` });
      await thing.put('2', { note: text(10) });
      await thing.put('3', { note: `''`, more: `to_jsonb(${text(5)})` });
      await thing.replicate();
      await thing.assertEqual();

      await thing.logAll();
      await thing.replicate();

      await thing.assertEqual();
    });
  }

  for (const { what, loadType, megabytes, message } of [
    {
      what: 'above the streaming limit',
      loadType: 'bq-storage-api',
      megabytes: 20,
      message: /^view thing_view: key 2: the row is too long; streaming takes at most 19000000 bytes$/,
    },
    ...LOAD_TYPES.map((each) => ({
      what: `above what a function has memory for: ${each}`,
      loadType: each,
      megabytes: 30,
      message:
        /^view thing_view: key 2: the row has 3\d+ bytes in the binary form of PostgreSQL; a row may have at most 24000000$/,
    })),
  ] as const) {
    it(`I9 ${what} stop the batch with an error that names the key, and nothing is lost after the row is corrected`, async () => {
      const thing = await ThingView.install(stack, { loadType, columns: { note: 'text' } });
      await thing.put('1', { note: `'one'` });
      await thing.replicate();
      await thing.put('2', { note: text(megabytes) });
      await thing.put('3', { note: `'three'` });

      await assert.rejects(thing.stage(), { kind: 'bad_data', message });

      assert.match(String(await thing.on.haltedReason(VIEW)), message);
      await thing.put('2', { note: `'two'` });
      await thing.resume();
      await thing.replicate();
      await thing.assertEqual();
    });
  }
});
