import type { Random } from './random.ts';

/** Texts that break careless code for CSV, JSON or SQL, and that people nevertheless type or paste. */
const AWKWARD = [
  '"quoted"',
  "O'Brien",
  'C:\\temp\\new',
  'tab\ttab',
  'two\nlines',
  'carriage\r\nreturn',
  'ซ่อม 🔧 แล้ว',
  '👩‍💻',
  '\\N',
  '\\.',
  'NULL',
  '{"json": "no"}',
  '1,2;3|4',
  '<b>&amp;</b>',
  'separator\u2028line',
  'zero\u200bwidth',
  '\u0001control\u0002',
  '  spaces  ',
  '$1 `y` %s',
  '\\u0000 \\x00',
] as const;

/** Text as people type it: `plain`, sometimes followed by an awkward text. */
export function typedText(random: Random, plain: string): string {
  return random.chance(0.1) ? `${plain} ${random.pick(AWKWARD)}` : plain;
}
