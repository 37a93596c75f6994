import assert from 'node:assert/strict';
import {
  definitionChange,
  definitionFromJson,
  type ViewFingerprint,
} from '../../../shared/model/view-fingerprint.ts';

const BEFORE: ViewFingerprint = {
  fingerprint: 'a',
  columns: 'b',
  serverMajor: 17,
  settings: { TimeZone: 'UTC' },
};

describe('the definition of a view', () => {
  const cases: [what: string, now: Partial<ViewFingerprint>, change: string][] = [
    ['is the same when nothing differs', {}, 'none'],
    ['is another one with another text', { fingerprint: 'x' }, 'replaced'],
    ['is another one with other columns behind it', { columns: 'x' }, 'replaced'],
    ['is the same on another server', { serverMajor: 18 }, 'server'],
    ['is another one with another text on another server', { serverMajor: 18, fingerprint: 'x' }, 'replaced'],
    ['is another one with other columns on another server', { serverMajor: 18, columns: 'x' }, 'replaced'],
    ['obeys other settings', { settings: { TimeZone: 'Asia/Bangkok' } }, 'settings'],
    [
      'obeys other settings on another server',
      { serverMajor: 18, settings: { TimeZone: 'Asia/Bangkok' } },
      'settings',
    ],
    [
      'is the same with a setting that was not recorded',
      { settings: { ...BEFORE.settings, lc_time: 'C' } },
      'none',
    ],
    ['is the same where one of two records says nothing of columns', { columns: null }, 'none'],
  ];
  for (const [what, now, change] of cases) {
    it(`I2 ${what}`, () => {
      assert.equal(definitionChange(BEFORE, { ...BEFORE, ...now }), change);
    });
  }

  it('is read from the record of an earlier release', () => {
    const earlier = definitionFromJson({ fingerprint: 'a', serverMajor: 17, settings: BEFORE.settings });

    assert.ok(earlier !== null);
    assert.equal(earlier.columns, null);
    assert.equal(definitionChange(earlier, BEFORE), 'none');
  });
});
