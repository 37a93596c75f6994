import assert from 'node:assert/strict';
import { ThingView, VIEW } from '../../faults/bad-data/thing-view.ts';
import { useStack } from '../../support/use-installation.ts';
import { differingKeys, rowHashes } from './row-hashes.ts';

describe('the text of a value that stops a batch', () => {
  const stack = useStack();

  for (const { type, before, after, entry = {} } of [
    { type: 'date', before: 'null', after: `'infinity'` },
    { type: 'timestamptz', before: 'null', after: `'-infinity'` },
    { type: 'time', before: `'00:00'`, after: `'24:00'` },
    { type: 'numeric', before: '0', after: `'NaN'` },
    { type: 'integer[]', before: `'{}'`, after: `'{null}'` },
    { type: 'text[]', before: `'{!}'`, after: `'{{!}}'` },
    { type: 'text[]', before: `'{}'`, after: 'null', entry: { null_arrays: { value: 'stop' as const } } },
    { type: 'text', before: 'null', after: `'!'`, entry: { datetime_columns: ['value'] } },
  ]) {
    it(`is no text of a target: ${type} ${after}`, async () => {
      const thing = await ThingView.install(stack, {
        loadType: 'merge',
        columns: { value: type },
        entry,
      });
      await thing.put('1', { value: before });
      await thing.put('2', { value: before });
      await thing.replicate();
      assert.deepEqual(differingKeys(await rowHashes(thing.on, VIEW)), []);

      await thing.on.source.database.query(`update app_thing set value = ${after} where id = 2`);

      assert.deepEqual(differingKeys(await rowHashes(thing.on, VIEW)), ['2']);
    });
  }
});
