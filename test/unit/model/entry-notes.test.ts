import assert from 'node:assert/strict';
import { readFile } from '../../../functions/admin/sources/read-file.ts';
import { parseOperation } from '../../../shared/events/extract-event.ts';

const ENTRY = {
  name: 'order_report',
  target_name: 'order_report',
  main_table: 'shop_order',
  app_label: 'shop',
  model: 'order',
  key_column: 'order_id',
  load_type: 'merge',
};

describe('what a proposal notes in a file of view sources', () => {
  it('is left out by an import: reasons, an empty todo and the name of the schema', () => {
    const file = {
      $schema: './view-sources.schema.json',
      import: [{ ...ENTRY, todo: [], reasons: { load_type: 'why' } }],
    };
    assert.deepEqual(parseOperation(file), parseOperation({ import: [ENTRY] }));
    assert.deepEqual(readFile(JSON.stringify(file)), readFile(JSON.stringify({ import: [ENTRY] })));
  });

  it('refuses a todo with its view and its sentences, and says nothing of what the entry still lacks', () => {
    const undecided = {
      name: 'loan_report',
      target_name: 'loan',
      todo: ['main_table: loan or place?', 'Grant it.'],
    };
    for (const entries of [[undecided], [ENTRY, undecided]]) {
      const place = entries.length - 1;
      assert.throws(() => parseOperation({ import: entries }), {
        kind: 'invalid_event',
        message: `the event is not valid: import.${place}.todo: view loan_report has a todo, which must be settled and removed: main_table: loan or place? Grant it (fields given: import)`,
      });
      assert.deepEqual(readFile(JSON.stringify({ import: entries })), {
        problems: [
          `entry ${place + 1} (loan_report), todo: view loan_report has a todo, which must be settled and removed: main_table: loan or place? Grant it.`,
        ],
      });
    }
  });

  it('refuses a todo that is one text, in an entry without a name, too', () => {
    assert.throws(() => parseOperation({ import: [{ todo: 'Decide.' }] }), {
      message: /import\.0\.todo: view number 1 has a todo, .*: Decide /,
    });
  });

  it('keeps refusing what is no note', () => {
    assert.throws(
      () => parseOperation({ import: [{ ...ENTRY, reason: 'why' }] }),
      /Unrecognized key: "reason"/,
    );
    assert.throws(
      () => parseOperation({ import: [{ ...ENTRY, todo: 5 }] }),
      /import\.0\.todo: Invalid input/,
    );
    assert.throws(() => parseOperation({ $schema: 5, import: [ENTRY] }), /\$schema: Invalid input/);
  });
});
