import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '../..');

export interface Document {
  /** Relative to the root of the repository, such as `docs/operations.md`. */
  path: string;
  text: string;
}

/** Reads all Markdown documents of the repository, sorted by path. */
export async function readDocuments(): Promise<Document[]> {
  const exclude = ['**/node_modules', '**/.*', 'dist'];
  const paths = globSync('**/*.md', { cwd: ROOT, exclude });
  return Promise.all(
    paths.sort().map(async (path) => ({ path, text: await readFile(join(ROOT, path), 'utf8') })),
  );
}

/** A code block or code span of a document. */
export interface Code {
  /** The line number, from 1. */
  line: number;
  /** The word after the fence of a block, such as `sh`, or empty; null for a span within a line. */
  language: string | null;
  text: string;
}

const BLOCK = /^( *)(`{3,}|~{3,})(\w*)[^\n]*\n(.*?)^ *\2 *$/gms;

/** The code blocks and code spans of a Markdown text, blocks first. */
export function codeIn(markdown: string): Code[] {
  const lineAt = (index: number) => markdown.slice(0, index).split('\n').length;
  const blocks = [...markdown.matchAll(BLOCK)].map(
    ({ index, 3: language = '', 4: text = '' }): Code => ({ line: lineAt(index) + 1, language, text }),
  );
  const spans = [...withoutBlocks(markdown).matchAll(/(`+)([^`]+)\1/g)].map(
    ({ index, 2: text = '' }): Code => ({
      line: lineAt(index),
      language: null,
      text: text.replaceAll(/\s*\n\s*/g, ' '),
    }),
  );
  return [...blocks, ...spans];
}

/** Returns the text with blank code blocks, so that everything else keeps its line number. */
export function withoutBlocks(markdown: string): string {
  return markdown.replaceAll(BLOCK, (block) => block.replaceAll(/[^\n]/g, ' '));
}
