import { CLASS_TEXTS } from '../../shared/model/difference-classes.ts';
import { replaceTable } from './replace-table.ts';

/** Regenerates the table of docs/operations.md that says why rows differ. Throws if its place is missing. */
export function generatedOperations(markdown: string): string {
  const rows = Object.entries(CLASS_TEXTS).map(
    ([name, { meaning, remedy }]) => `| \`${name}\` | ${meaning} | ${remedy} |`,
  );
  const table = ['| class | meaning | what to do |', '| --- | --- | --- |', ...rows].join('\n');
  return replaceTable('docs/operations.md', markdown, { name: 'difference classes', table });
}
