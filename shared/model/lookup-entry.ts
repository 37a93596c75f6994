import { z } from 'zod';
import { CHILD_MODELS_META, childModels, contentTypeId } from './django-model-entry.ts';
import { name, table } from './entry-names.ts';

/** A lookup as the configuration file writes it. */
export const lookupEntry = z.strictObject({
  table: table.meta({
    description: 'The lookup table.',
    examples: ['shop_customer'],
    allowed: 'a name, or `schema.table`',
  }),
  app_label: name.meta({ description: 'The Django app of its model.', examples: ['shop'] }),
  model: name.meta({
    description: 'The Django model, in lower case as in the content types.',
    examples: ['customer'],
  }),
  content_type_id: contentTypeId,
  child_models: childModels.optional().meta({
    ...CHILD_MODELS_META,
    examples: [[{ app_label: 'shop', model: 'company' }]],
  }),
  column: name.meta({
    description: 'The foreign key column of the main table that points at the lookup table.',
    examples: ['customer_id'],
  }),
  references: name.optional().meta({
    description:
      'The column of the lookup table whose values the foreign key column holds (`to_field` in Django); otherwise what the foreign key in the database references, or the primary key.',
    examples: ['code'],
    allowed: 'a column of the lookup table',
  }),
  skip_untracked: z
    .boolean()
    .optional()
    .meta({
      description: 'The same for log rows of the lookup.',
      examples: [true],
      default: 'as for the view',
      allowed: '`true` or `false`',
    }),
  sets_null: z
    .boolean()
    .optional()
    .meta({
      description:
        'Whether a deleted row of the lookup may leave NULL in the foreign key column without a log row (`on_delete=SET_NULL`); a deletion then names all rows whose column is NULL.',
      default: '`true`',
      examples: [false],
      allowed: '`true` or `false`',
    }),
});
