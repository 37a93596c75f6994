import assert from 'node:assert/strict';
import { timeArgument } from '../../../cli/time-argument.ts';

describe('a time on the command line', () => {
  for (const [text, seconds] of [
    ['90s', 90],
    ['30m', 1800],
    ['2h', 7200],
    ['7d', 604_800],
  ] as const) {
    it(`may be a span before or after now: ${text}`, () => {
      const away = (direction: 'before now' | 'after now') =>
        (timeArgument('since', text, direction).getTime() - Date.now()) / 1000;
      assert.ok(Math.abs(away('after now') - seconds) < 5);
      assert.ok(Math.abs(away('before now') + seconds) < 5);
    });
  }

  it('may be a time in the zone of the reader or in its own', () => {
    const at = (text: string) => timeArgument('since', text, 'before now').toISOString();
    assert.equal(at('2026-01-31T08:00:00+07:00'), '2026-01-31T01:00:00.000Z');
    assert.equal(at('2026-01-31T08:00'), new Date(2026, 0, 31, 8).toISOString());
  });

  for (const text of ['', 'soon', '2', '-2h', '2026-13-45', '1e3h']) {
    it(`is refused: ${JSON.stringify(text)}`, () => {
      assert.throws(() => timeArgument('until', text, 'after now'), /^UsageError: --until must be a time/);
    });
  }
});
