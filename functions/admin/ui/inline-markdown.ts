import { type Html, html } from './html.ts';

const MARKED = /`([^`]+)`|\[([^\]]+)\]\(([^)]+)\)/g;

/** A text of the documents, in which code and links may be marked. A link to another document becomes its text. */
export function inlineMarkdown(text: string): Html {
  const parts: (Html | string)[] = [];
  let end = 0;
  for (const { 0: marked, 1: code, 2: label = '', 3: address = '', index } of text.matchAll(MARKED)) {
    parts.push(text.slice(end, index));
    end = index + marked.length;
    if (code !== undefined) parts.push(html`<code>${code}</code>`);
    else parts.push(address.startsWith('https://') ? html`<a href="${address}">${label}</a>` : label);
  }
  return html`${[...parts, text.slice(end)]}`;
}
