import { type Html, html } from './html.ts';

/** How good a state is. It decides colour and shape; the word says which state it is. */
export type Tone = 'good' | 'busy' | 'warning' | 'bad' | 'off';

const SHAPES: Record<Tone, string> = { good: '●', busy: '◐', warning: '▲', bad: '■', off: '○' };

/** A state as shape, colour and word. */
export const badge = (tone: Tone, word: string): Html =>
  html`<span class="badge ${tone}"><span aria-hidden="true">${SHAPES[tone]}</span> ${word}</span>`;
