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

  it('I9 above the streaming limit stop the batch with an error that names the key, and nothing is lost after the row is corrected', async () => {
    const thing = await ThingView.install(stack, { loadType: 'bq-storage-api', columns: { note: 'text' } });
    await thing.put('1', { note: `'one'` });
    await thing.replicate();
    await thing.put('2', { note: text(20) });
    await thing.put('3', { note: `'three'` });
    const batch = await thing.stage();

    await assert.rejects(thing.apply(batch), {
      kind: 'bad_data',
      message: /^view thing_view: key 2: the row has \d+ bytes; streaming takes at most 19000000$/,
    });

    assert.match(String(await thing.on.haltedReason(VIEW)), /key 2/);
    await thing.put('2', { note: `'two'` });
    await thing.resume();
    await thing.replicate();
    await thing.assertEqual();
  });
});
