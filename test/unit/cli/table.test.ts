import assert from 'node:assert/strict';
import stringWidth from 'string-width';
import { renderTable } from '../../../cli/output/table.ts';

const COLUMNS = [
  { title: 'VIEW', wraps: 12 },
  { title: 'ROWS', align: 'right' as const },
];
const lines = (rows: string[][], width?: number) =>
  renderTable(COLUMNS, rows, width).map((line) =>
    line.replaceAll('\u001b[1m', '').replaceAll('\u001b[22m', ''),
  );

describe('a table', () => {
  it('lines its columns up, whatever marks, wide letters and colours its cells have', () => {
    const rows = [
      ['น้ำผู้ที่', '1'],
      ['日本語', '1,234'],
      ['\u001b[31mred\u001b[39m', '12'],
      ['👩‍👩‍👧 x', '5'],
    ];
    const widths = lines(rows).map((line) => stringWidth(line));

    assert.deepEqual(new Set(widths).size, 1, lines(rows).join('\n'));
    assert.equal(lines(rows)[0], 'VIEW     ROWS');
  });

  it('wraps the columns that may wrap when it is wider than the terminal, and no others', () => {
    const [, first, second] = lines([['one two three four', '1,234,567']], 24);
    assert.deepEqual([first, second], ['one two three  1,234,567', 'four']);
    assert.equal(lines([['one two three four', '1,234,567']], 5)[1], 'one two       1,234,567');
  });
});
