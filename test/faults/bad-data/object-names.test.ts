import assert from 'node:assert/strict';
import { useStack } from '../../support/use-installation.ts';
import { LOAD_TYPES, ThingView } from './thing-view.ts';

/** Every JavaScript object has properties of these names, though nobody gave it any. */
const NAMES = [
  'constructor',
  'valueof',
  'tostring',
  'hasownproperty',
  'isprototypeof',
  'toString',
  'valueOf',
];

describe('columns named like a property of every object', () => {
  const stack = useStack();

  for (const loadType of LOAD_TYPES) {
    for (const name of NAMES) {
      // A message of protobuf is an object of JavaScript.
      if (loadType === 'bq-storage-api' && name in {}) {
        it(`are refused for a streamed view: ${name}`, async () => {
          await assert.rejects(ThingView.install(stack, { loadType, columns: { [name]: 'text' } }), {
            kind: 'configuration',
            message: /has a name that a field of protobuf cannot have/,
          });
        });
        continue;
      }
      it(`arrive like any other: ${name}, ${loadType}`, async () => {
        const thing = await ThingView.install(stack, { loadType, columns: { [name]: 'text' } });
        await thing.put('1', { [name]: "'x'" });
        await thing.put('2', { [name]: 'null' });
        await thing.replicate();
        await thing.put('1', { [name]: "'y'" });
        await thing.delete('2');
        await thing.replicate();

        await thing.assertEqual();
      });
    }
  }
});
