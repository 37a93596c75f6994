/** A piece of code of a document: a fenced block, or a span of a line. */
export interface Code {
  /** Where it begins, counted from 1. */
  line: number;
  text: string;
  /** Of a block what follows its fence, such as `sh`; null of a span. */
  language: string | null;
  /** The `##` heading that it stands under, without the signs; empty above the first. */
  section: string;
  /** The lines that a span stands in, whole: a row of a table tells more than the span. Of a block empty. */
  context: string;
}

/** The code of a Markdown text, in its order. A span that is broken over two lines is one, with a space between them. */
export function codeIn(markdown: string): Code[] {
  const found: Code[] = [];
  const prose = markdown.replaceAll(
    /^```(\w*)\n(.*?)^```$/gms,
    (block, language: string, text: string, at) => {
      found.push({
        line: lineAt(markdown, at) + 1,
        text,
        language,
        section: sectionAt(markdown, at),
        context: '',
      });
      return block.replaceAll(/[^\n]/g, ' '); // what follows keeps its place
    },
  );
  const lines = prose.split('\n');
  for (const { 0: span, 1: text = '', index } of prose.matchAll(/`([^`]+)`/g)) {
    const line = lineAt(prose, index);
    found.push({
      line,
      text: text.replaceAll(/\s*\n\s*/g, ' '),
      language: null,
      section: sectionAt(prose, index),
      context: lines.slice(line - 1, lineAt(prose, index + span.length)).join('\n'),
    });
  }
  return found.sort((one, other) => one.line - other.line);
}

function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

function sectionAt(text: string, at: number): string {
  return [...text.slice(0, at).matchAll(/^## (.+)$/gm)].at(-1)?.[1] ?? '';
}
