import { z } from 'zod';
import { name } from './entry-names.ts';

/** The id of the Django content type of a model, by which the change log names the model. */
export const contentTypeId = z
  .number()
  .int()
  .optional()
  .meta({
    description: 'The content type id; the import looks it up and refuses a different one.',
    examples: [7],
    effects: ['resync'],
    allowed: 'a whole number',
  });

/** Models that inherit from the model of a table. */
export const childModels = z.array(
  z.strictObject({
    app_label: name.meta({ description: 'The Django app of the inheriting model.', examples: ['shop'] }),
    model: name.meta({
      description: 'The inheriting Django model, in lower case as in the content types.',
      examples: ['giftorder'],
    }),
    content_type_id: contentTypeId,
  }),
);
/** Given last, since `optional` and `default` make another schema. */
export const CHILD_MODELS_META = {
  description:
    'Models that inherit from the model (multi-table inheritance): Django logs their changes under their own content types.',
  allowed: 'a list of objects',
};
