import assert from 'node:assert/strict';
import { type Field, readFields } from '../../../functions/admin/actions/field.ts';

const TIME: Field = { name: 'since', label: 'Since', kind: 'time', isRequired: true };
const DAYS: Field = { name: 'days', label: 'Days', kind: 'number', min: 1, max: 30 };
const MODE: Field = {
  name: 'mode',
  label: 'Mode',
  kind: 'choice',
  choices: [
    ['full', 'all'],
    ['keys', 'keys'],
  ],
};

describe('the fields of an action', () => {
  for (const [given, iso] of [
    ['2026-01-31T08:00', '2026-01-31T08:00:00.000Z'],
    ['2026-01-31 08:00:30', '2026-01-31T08:00:30.000Z'],
    ['2026-01-31', '2026-01-31T00:00:00.000Z'],
    ['2026-01-31T08:00:00.5Z', '2026-01-31T08:00:00.500Z'],
    ['2026-01-31T08:00+07:00', '2026-01-31T01:00:00.000Z'],
  ] as const) {
    it(`read ${given} as ${iso}`, () => {
      assert.deepEqual(readFields([TIME], { since: given }), { values: { since: iso }, problems: [] });
    });
  }

  for (const given of [
    'yesterday',
    '2026-13-01',
    '2026-02-30',
    '2026-01-31T25:00',
    '31.1.2026',
    '2026-01-31T08:00 CET',
    '9',
  ]) {
    it(`refuse ${given} as a time`, () => {
      assert.deepEqual(readFields([TIME], { since: given }), {
        values: {},
        problems: ['Since is not a time: write it in UTC, as 2026-01-31T08:00.'],
      });
    });
  }

  it('report every mistake together, and leave out what is empty', () => {
    assert.deepEqual(readFields([TIME, DAYS, MODE], { since: ' ', days: '31', mode: 'half', more: 'x' }), {
      values: {},
      problems: [
        'Since is missing.',
        'Days is not a whole number from 1 to 30.',
        'Mode is none of the choices.',
      ],
    });
    assert.deepEqual(readFields([DAYS, MODE], { days: '', mode: 'keys' }), {
      values: { mode: 'keys' },
      problems: [],
    });
    assert.deepEqual(readFields([DAYS], { days: '1e1' }).problems.length, 1);
  });
});
