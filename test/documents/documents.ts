import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseConfiguration } from '../tools/terraform/configuration.ts';
import { type Code, codeIn } from './code-in.ts';

export const ROOT = join(import.meta.dirname, '../..');
/** What readers are told to type, by Markdown and by Terraform's output `next_steps`. */
export const DOCUMENTS = [
  'README.md',
  'OPERATIONS.md',
  'SECURITY.md',
  'terraform/README.md',
  'terraform/outputs.tf',
];

/** The code of one of the documents, in its order. */
export async function readCode(document: string): Promise<Code[]> {
  const text = await readFile(join(ROOT, document), 'utf8');
  if (!document.endsWith('.tf')) return codeIn(text);
  const { locals } = await parseConfiguration({ [document]: text });
  return nextSteps(locals);
}

/** The lines of the lists `…_steps` as one block of shell; what Terraform would fill in stands as a word. */
function nextSteps(locals: Record<string, unknown>): Code[] {
  const lines = Object.entries(locals).flatMap(([name, value]) =>
    name.endsWith('_steps') ? linesOf(value).map((line) => filled(line, locals)) : [],
  );
  return [{ line: 1, text: lines.join('\n'), language: 'sh', section: 'next_steps', context: '' }];
}

/** Of a list its texts; of an expression the texts that are quoted in it. */
function linesOf(value: unknown): string[] {
  if (Array.isArray(value)) return value.map(String);
  const quoted = String(value).matchAll(/"((?:[^"\\]|\\.)*)"/g);
  return [...quoted].map(([, text = '']) => text.replaceAll(/\\(.)/g, '$1'));
}

function filled(line: string, locals: Record<string, unknown>): string {
  return line.replaceAll(/\$\{([^}]*)\}/g, (_, expression: string) => {
    const value = locals[/^local\.(\w+)/.exec(expression)?.[1] ?? ''];
    if (typeof value !== 'string') return 'filled-in';
    return filled(value.startsWith('${') ? (linesOf(value)[0] ?? '') : value, locals);
  });
}
