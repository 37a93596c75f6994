import { ADVICE, RETRIED } from '../errors.ts';

const THEN_SEND = /\bThen send \{"view":"[^"]*","(?:resume|resync)":true\}/g;

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
    .replaceAll(THEN_SEND, 'Then import again')
    .replaceAll(/(\bimport the view[^.]*), and (?:resume it|send \{"view":"[^"]*","resync":true\})/gi, '$1')
    .replaceAll(/\bimport again, or (?:resume|redrive) the view\b/gi, 'import again')
    .replaceAll(/\b(?:resume|redrive|resync) (?:the view|it)\b/gi, (found) =>
      found.startsWith('R') ? 'Import again' : 'import again',
    );
}

/**
 * The advice of a finding of a dry run. One that resyncs a view which is `stored` is true as it is, and so is one that waits until a view source
 * with a warning is imported.
 */
export function dryRunAdvice(
  { ok, advice }: { ok: boolean; advice: string },
  stored: Iterable<string>,
): string {
  const resyncs = [...stored].map((view) => JSON.stringify({ view, resync: true }));
  if (resyncs.some((resync) => advice.includes(resync))) return advice;
  return ok ? advice.replaceAll(THEN_SEND, 'Then import again') : importAdvice(advice);
}
