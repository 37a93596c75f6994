import { stripVTControlCharacters, styleText } from 'node:util';
import { SHAPES, type Tone } from '../../shared/model/tone.ts';
import { printable } from '../../test/local/printable.ts';

type Format = Parameters<typeof styleText>[0];

const TONE_FORMATS: Record<Tone, Format> = {
  good: 'green',
  busy: 'cyan',
  warning: 'yellow',
  bad: 'red',
  off: 'gray',
};

/** A style, unless standard output is no terminal or NO_COLOR is set. The text must be safe to print. */
export const styled = (format: Format, text: string): string =>
  styleText(format, text, { stream: process.stdout });

/** A state as shape, colour and word. */
export const badge = (tone: Tone, word: string): string =>
  styled(TONE_FORMATS[tone], `${SHAPES[tone]} ${printable(word)}`);

/** A value in one line, for a cell or a sentence. What it contains is shown, not obeyed. */
export const oneLine = (value: string): string =>
  printable(value).replaceAll('\n', '\\n').replaceAll('\t', '\\t');

export const faint = (text: string): string => styled('dim', text);
export const bold = (text: string): string => styled('bold', text);

/** What stands where there is no value. */
export const NONE = '–';

/** Text without colours. */
export const plain = stripVTControlCharacters;
