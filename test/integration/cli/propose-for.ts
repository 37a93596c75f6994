import { type Proposed, propose } from '../../../cli/propose/propose.ts';
import { openTestPool } from '../../support/open-test-pool.ts';

/** Proposes the view sources of a database as the command does. `settings` are environment variables. */
export async function proposeFor(
  { url }: { url: string },
  {
    views = [],
    timeoutSeconds = 60,
    settings = {},
  }: { views?: string[]; timeoutSeconds?: number; settings?: Record<string, string> } = {},
): Promise<Proposed> {
  const source = openTestPool(url, { max: 1, settings });
  try {
    return await propose(source, {
      views,
      timeoutSeconds,
      changeLogTable: settings.CHANGE_LOG_TABLE ?? 'models_logging_change',
      contentTypeTable: settings.CONTENT_TYPE_TABLE ?? 'django_content_type',
      onView: () => undefined,
    });
  } finally {
    await source.end();
  }
}
