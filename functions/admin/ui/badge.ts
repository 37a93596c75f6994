import { SHAPES, type Tone } from '../../../shared/model/tone.ts';
import { type Html, html } from './html.ts';

/** A state as shape, colour and word. */
export const badge = (tone: Tone, word: string): Html =>
  html`<span class="badge ${tone}"><span aria-hidden="true">${SHAPES[tone]}</span> ${word}</span>`;
