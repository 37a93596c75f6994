import { ADVICE, RETRIED } from '../errors.ts';

/**
 * The advice of a failure for an import that stores nothing: a view source that is not stored cannot be resumed, redriven or resynced, but
 * imported again.
 */
export function importAdvice(advice: string): string {
  if (advice === ADVICE.configuration) return 'Correct what the message names, then import again.';
  return advice
    .replace(/ The view stays halted[^.]*\./, '')
    .replace(ADVICE.transient, 'Import again.')
    .replaceAll(RETRIED, 'Then import again.')
    .replaceAll('Nothing was changed. Call again.', 'Import again.')
    .replaceAll('Then call again.', 'Then import again.')
    .replace('redrive the view: that also makes its procedure and its reporting view again', 'import again')
    .replaceAll(/\bThen send \{"view":"[^"]*","resume":true\}/g, 'Then import again')
    .replaceAll(/\bimport again, or (?:resume|redrive) the view\b/gi, 'import again')
    .replaceAll(/\b(?:resume|redrive|resync) (?:the view|it)\b/gi, (found) =>
      found.startsWith('R') ? 'Import again' : 'import again',
    );
}
