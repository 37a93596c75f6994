import { z } from 'zod';
import { entryNotes } from '../../shared/model/entry-notes.ts';
import { viewSourceEntry } from '../../shared/model/view-source-entry.ts';

const file = z.strictObject({
  $schema: z
    .string()
    .optional()
    .meta({ description: 'This schema, relative to the file; an import ignores it.' }),
  import: z
    .array(viewSourceEntry.extend(entryNotes.shape))
    .min(1)
    .meta({ description: 'The view sources that are created or changed, all or none; others stay.' }),
});

/**
 * The JSON Schema by which editors complete and check a file such as sql/source/view-sources.json. Draft 7, which all of them know. What the fields have
 * to do with each other and with the source is left to the import.
 */
export function viewSourceSchema(): string {
  const schema = z.toJSONSchema(file, {
    target: 'draft-7',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      // The descriptions are written for the table of docs/configuration.md, where a default may be a text.
      delete jsonSchema.default;
      if (zodSchema instanceof z.ZodDefault) jsonSchema.default = zodSchema.def.defaultValue as null;
      for (const name of ['allowed', 'effects']) delete jsonSchema[name];
    },
  });
  const head = { title: 'View sources of SMart DataHub' };
  return `${JSON.stringify({ $schema: schema.$schema, ...head, ...schema }, null, 2)}\n`;
}
