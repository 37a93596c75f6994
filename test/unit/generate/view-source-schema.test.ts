import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { SCHEMA } from '../../../cli/propose/proposal-file.ts';
import { SMARTAPP_VIEWS } from '../../generate/view-shapes.ts';
import { viewSourceSchema } from '../../generate/view-source-schema.ts';
import { schemaFaults } from '../../support/schema-faults.ts';

const ENTRY = {
  name: 'order_report',
  target_name: 'order_report',
  main_table: 'shop_order',
  app_label: 'shop',
  model: 'order',
  key_column: 'order_id',
  load_type: 'merge',
};
const faultsOf = (differing: Record<string, unknown>) =>
  schemaFaults({ import: [{ ...ENTRY, ...differing }] });

describe('sql/source/view-sources.schema.json', () => {
  it('is what the schema of a view source generates', async () => {
    const committed = await readFile(SCHEMA, 'utf8');
    assert.equal(committed, viewSourceSchema(), 'it differs from the schema; run: npm run generate');
  });

  it('accepts the view sources of SMartApp, which name it', async () => {
    const file = JSON.parse(await readFile(SMARTAPP_VIEWS, 'utf8')) as { $schema: string };
    assert.equal(new URL(file.$schema, SMARTAPP_VIEWS).href, SCHEMA.href);
    assert.deepEqual(await schemaFaults(file), []);
  });

  it('names what an editor should underline', async () => {
    assert.deepEqual(await faultsOf({}), []);
    assert.match(String(await faultsOf({ load_typ: 'merge' })), /must NOT have additional properties/);
    assert.match(
      String(await faultsOf({ load_type: 'stream' })),
      /must be equal to one of the allowed values/,
    );
    assert.match(String(await faultsOf({ name: 'with space' })), /must match pattern/);
    assert.match(
      String(await faultsOf({ key_column: undefined })),
      /must have required property 'key_column'/,
    );
    assert.match(String(await schemaFaults({ import: [] })), /must NOT have fewer than 1 items/);
  });

  it('accepts what a proposal notes, and shows real defaults only', async () => {
    assert.deepEqual(await faultsOf({ reasons: { load_type: 'why' }, todo: ['Decide.'] }), []);
    const { properties } = (
      JSON.parse(viewSourceSchema()) as {
        properties: { import: { items: { properties: Record<string, { default?: unknown }> } } };
      }
    ).properties.import.items;
    assert.equal(properties.report_column?.default, 'update_at');
    assert.deepEqual(properties.null_arrays?.default, {});
    assert.equal(properties.name?.default, undefined);
  });
});
