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
