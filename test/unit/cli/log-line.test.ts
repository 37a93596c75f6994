import assert from 'node:assert/strict';
import { formatLogLine, isAtLeast, parseLogLine } from '../../../cli/output/log-line.ts';

describe('a log line on the command line', () => {
  it('says when, how severe, which function and view, and what', () => {
    const line = parseLogLine(
      'extract',
      '{"severity":"WARNING","timestamp":"2026-01-31T08:00:00.000Z","view":"pmr_project","message":"will retry","kind":"transient","error":"down","advice":"Wait.","logging.googleapis.com/trace":"x"}',
    );
    const [head = '', ...below] = formatLogLine(line);
    assert.match(
      head,
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ▲ warning extract: pmr_project: will retry \(kind transient\)$/,
    );
    assert.deepEqual(below, ['  down', '  Wait.']);
  });

  it('stays one line and harmless, whatever it contains', () => {
    const crash = parseLogLine('merge', 'Error: \u001b[2J out of memory');
    assert.deepEqual(formatLogLine(crash), ['○ default merge: Error: \\u001b[2J out of memory']);
    const forged = parseLogLine(
      'merge',
      JSON.stringify({ severity: 'INFO', message: 'a\n2026 ■ error', view: 'x\ny' }),
    );
    assert.deepEqual(formatLogLine(forged), ['● info merge: x\\ny: a\\n2026 ■ error']);
    assert.equal(parseLogLine('merge', '{"broken').message, '{"broken');
  });

  it('counts as severe if nobody says how severe it is', () => {
    assert.deepEqual(
      ['DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL', 'DEFAULT'].filter((each) =>
        isAtLeast(each, 'WARNING'),
      ),
      ['WARNING', 'ERROR', 'CRITICAL', 'DEFAULT'],
    );
  });
});
