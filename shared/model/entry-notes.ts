import { z } from 'zod';
import { name } from './entry-names.ts';
import { text } from './text.ts';

const sentence = text.min(1).max(20_000);

/** What a proposal writes into an entry for people to read. None of it is stored: an import takes reasons away, and refuses a todo. */
export const entryNotes = z.object({
  todo: z
    .array(sentence)
    .optional()
    .meta({
      description:
        'What `datahub propose` could not decide; an import refuses the view source until each is settled and removed.',
      allowed: 'a list of sentences',
      examples: [['app_label, model: …']],
      effects: ['none'],
    }),
  reasons: z
    .record(name, sentence)
    .optional()
    .meta({
      description: 'Why `datahub propose` proposes the values of other fields; an import ignores it.',
      allowed: 'a sentence per field',
      examples: [{ load_type: 'The log has about 300 changes a day: …' }],
      effects: ['none'],
    }),
});

/** The todos in the entries of a file that nobody has checked yet, each with the place of its entry. */
export function todosIn(entries: unknown): { place: number; view: string; todo: string[] }[] {
  if (!Array.isArray(entries)) return [];
  return (entries as unknown[]).flatMap((entry, place) => {
    if (typeof entry !== 'object' || entry === null || !('todo' in entry)) return [];
    const todo = [entry.todo].flat().filter((each) => typeof each === 'string');
    const view = 'name' in entry ? String(entry.name) : `number ${place + 1}`;
    return todo.length === 0 ? [] : [{ place, view, todo }];
  });
}
